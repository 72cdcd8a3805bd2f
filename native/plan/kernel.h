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
  // A panel of a filter's outputs, which becomes panel `to_panel` of what is packed.
  void (*pack)(Form, const Filter&, int64_t panel, const Packed&, int64_t to_panel);

  // For training. Of an image [2, channels that come in]: by what its channels are scaled and then shifted.
  void (*normalisation)(const Input&, int64_t image, float* scales);
  // Sums of the channels of an image [pixels, channels] and, if `squares`, of their squares.
  void (*channel_sums)(const float*, int64_t pixels, int64_t channels, bool squares, double* sums);
  // Panel `panel` of a strip, of what comes in first, then of what comes out.
  void (*transform_strip)(const FilterGradient&, const Strips&, int64_t strip, int64_t panel, float* scratch);
  int64_t (*strip_scratch)(const FilterGradient&);  // floats
  // The products of a number of the tiles and a panel of what comes in.
  void (*multiply_strips)(const FilterGradient&, const Strips&, int64_t number, int64_t panel);
  // The filter's gradient, for a panel of outputs, times a factor: to where `to` says that its weights lie.
  void (*unpack)(const FilterGradient&, const float* sums, int64_t panel, const Filter& to, float* weights,
                 float factor);
  // An image's share.
  void (*input_gradient)(const InputGradient&, int64_t image, float* scratch);
  int64_t (*input_scratch)(const InputGradient&);  // floats
};

const Kernel& portable_kernel();
const Kernel& avx2_kernel();
const Kernel& avx512_kernel();
const Kernel& bf16_kernel();  // AVX-512 with products of bfloat16
const Kernel& amx_kernel();   // with those of a matrix unit
// All that this machine's instructions allow, the fastest first.
const std::vector<const Kernel*>& available_kernels();

}  // namespace pfgm::plan
