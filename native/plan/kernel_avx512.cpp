#include "plan/attention.h"
#include "plan/convolution.h"
#include "plan/kernel.h"
#include "plan/resampling.h"

namespace pfgm::plan {

const Kernel& avx512_kernel() {
  static constexpr Kernel kernel{"avx512",          convolve, convolution_scratch, attend,
                                 attention_scratch, resample, resampling_scratch};
  return kernel;
}

}  // namespace pfgm::plan
