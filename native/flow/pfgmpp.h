// The perturbation kernel of PFGM++ (arXiv 2302.04265): of D extra dimensions, in sigma = r / sqrt(D). With
// infinite D it is Gaussian.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <utility>
#include <vector>

#include "random/philox.h"

namespace pfgm {

// Random numbers of the perturbation kernel (arXiv 2302.04265, section 3.2), a row each.
struct KernelDraws {
  at::Tensor gaussian;  // [b, N] float64: its direction is uniform; with infinite D it is the noise
  // [b] float64: b / (1 - b), b ~ Beta(N/2, D/2), which would round to 1 far out; undefined with infinite D
  at::Tensor odds;
};

// Of one stream a row. D is from 1 to 2^31, also no integer, or infinite.
KernelDraws draw_kernel(int64_t count, int64_t dimensions, double d,
                        const std::function<std::pair<Philox, uint64_t>(int64_t row)>& stream_and_counter);

// y + R u with R = sigma sqrt(D b / (1 - b)) and u uniform on the sphere, y [b, N] float64, a sigma a row.
// `published`: b is kept in [.001, .999] as the published training does, which for small D takes most of the
// far points away.
at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<double>& sigmas, const KernelDraws& draws,
                             double d, bool published = false);

// Around data y [b, N] float64 at one sigma, one key a row; around 0 it is the prior.
at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<uint64_t>& keys, double sigma, double d);

}  // namespace pfgm
