// What the empirical field gives: the training target of a Poisson flow, and the posterior mean of PFGM++.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace pfgm {

// Charges on the plane z = 0: float32 values, or uint8 pixels v that stand for v / 127.5 - 1. Items are rows.
struct FieldSources {
  at::Tensor items;       // [B, ...], in memory or in a mapped file
  bool mirrored = false;  // every image [channels, height, width] is a source mirrored left to right, too
  std::vector<int64_t> guesses;  // for each query an item that is probably near, or none
};

// The training target -sqrt(N) E / (|E| + gamma) at queries (x, z) (arXiv 2209.11178, eq. 7).
//
//   N numbers an item; x [b, ...] float32; z [b] float32, taken as >= 1e-10
//   -> [b, N + 1] float32, the last column for z
//
// Exact to the float32 rounding of the result; memory beside the output is O(b N), whatever B is.
at::Tensor field_target(const FieldSources& sources, const at::Tensor& x, const at::Tensor& z, double gamma);

// The mean of the sources weighted by (|x - y_i|^2 + r^2)^-((N + D)/2), the target of PFGM++'s denoiser over
// a large batch (arXiv 2302.04265, section 3.1).
//
//   x [b, ...] float32; r [b], taken as >= 1e-10; d >= 1, also no whole number -> [b, N] float32
//
// With infinite d the kernel is Gaussian, exp(-|x - y_i|^2 / (2 r^2)), and r its deviation.
at::Tensor posterior_mean(const FieldSources& sources, const at::Tensor& x, const at::Tensor& r, double d);

}  // namespace pfgm
