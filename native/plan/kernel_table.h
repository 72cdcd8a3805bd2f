// The steps of a plan, as the including file's instruction set has them.
#pragma once

#include "plan/attention.h"
#include "plan/convolution.h"
#include "plan/filters.h"
#include "plan/gradient.h"
#include "plan/kernel.h"
#include "plan/resampling.h"

namespace pfgm::plan {
namespace {

constexpr Kernel kernel_named(const char* name) {
  return {name,
          convolve,
          convolution_scratch,
          attend,
          attention_scratch,
          resample,
          resampling_scratch,
          pack,
          normalisation,
          channel_sums,
          transform_strip,
          strip_scratch,
          multiply_strips,
          unpack,
          input_gradient,
          input_scratch};
}

}  // namespace
}  // namespace pfgm::plan
