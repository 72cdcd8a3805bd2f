#include "plan/attention.h"
#include "plan/convolution.h"
#include "plan/kernel.h"
#include "plan/resampling.h"

namespace pfgm::plan {

const Kernel& portable_kernel() {
  static constexpr Kernel kernel{"portable",        convolve, convolution_scratch, attend,
                                 attention_scratch, resample, resampling_scratch};
  return kernel;
}

}  // namespace pfgm::plan
