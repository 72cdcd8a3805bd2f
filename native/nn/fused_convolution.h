// A convolution with all that surrounds it, and its gradients, by a plan's kernels: for training on a CPU.
//
// Tensors keep their channels side by side in memory (channels_last). For the pass back only what comes in is
// kept, and the bytes that say what dropout left out; what is made of it on the way is made again.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/layers.h"
#include "plan/step.h"

namespace pfgm::nn {

// What is read and what is made of what comes out, as ops.h has them, in tensors. Those that are undefined
// are not there.
struct FusedConvolution {
  at::Tensor x;  // [b, C, H, W]
  const GroupNorm* norm = nullptr;
  at::Tensor modulation;  // [b, 2 C]: scale less one, shift
  plan::Activation activation = plan::Activation::kNone;
  at::Tensor kept;  // [b, C, H, W] uint8: 1 where dropout keeps a number
  double kept_factor = 1;
  plan::Resample resample = plan::Resample::kNone;

  at::Tensor image_bias;  // [b, outputs]
  at::Tensor skip;        // [b, outputs, ..]
  plan::Resample skip_resample = plan::Resample::kNone;
  double factor = 1;

  // Of all products but those of the filter's gradient.
  plan::Precision precision = plan::Precision::kFloat32;
};

// Layers of stride 1 that keep the size, 1 x 1 or 3 x 3.
bool can_be_fused(const Conv& layer);
inline bool can_be_fused(const Nin&) {
  return true;
}

// -> [b, outputs, ..]
at::Tensor fused_convolution(const Conv& layer, const FusedConvolution& with);
at::Tensor fused_convolution(const Nin& layer, const FusedConvolution& with);

}  // namespace pfgm::nn
