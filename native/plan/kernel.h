// What an instruction set offers for the steps of a plan, with no dependency on torch.
#pragma once

#include <vector>

#include "plan/step.h"

namespace pfgm::plan {

// What a step gives depends neither on how its work is shared out nor on the images beside an image, to the
// last bit.
struct Kernel {
  const char* name;
  // Panels first to last - 1 of what comes out of a block of the grid.
  void (*convolve)(const Convolution&, int64_t block, int64_t first, int64_t last, float* scratch);
  int64_t (*convolution_scratch)(const Convolution&);  // floats
  // A head of an image, for its positions first to last - 1.
  void (*attend)(const Attention&, int64_t image, int64_t head, int64_t first, int64_t last, float* scratch);
  int64_t (*attention_scratch)(const Attention&);  // floats
  // A panel of an image.
  void (*resample)(const Resampling&, int64_t image, int64_t panel, float* scratch);
  int64_t (*resampling_scratch)(const Resampling&);  // floats
};

const Kernel& portable_kernel();
const Kernel& avx2_kernel();
const Kernel& avx512_kernel();
// All that this machine's instructions allow, the fastest first.
const std::vector<const Kernel*>& available_kernels();

}  // namespace pfgm::plan
