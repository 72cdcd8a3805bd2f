// The empirical field and the training target it gives.
#pragma once

#include <ATen/core/Tensor.h>

namespace pfgm {

// The training target -sqrt(N) E / (|E| + gamma) at queries (x, z) from sources on the plane z = 0
// (arXiv 2209.11178, eq. 7).
//
//   sources [B, ...] float32, N numbers a row; x [b, ...] float32; z [b] float32, taken as >= 1e-10
//   -> [b, N + 1] float32, the last column for z
//
// Exact to the float32 rounding of the result; memory beside the output is O(b N), whatever B is.
at::Tensor field_target(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z, double gamma);

}  // namespace pfgm
