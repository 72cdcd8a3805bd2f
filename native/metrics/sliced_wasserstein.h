// Wasserstein distances between projections to lines (Rabin et al., 2011).
#pragma once

#include <ATen/core/Tensor.h>

#include "metrics/estimate.h"

namespace pfgm {

// (mean over directions [d, F] of W_p^p)^(1/p) of rows a [n, F] and b [m, F], float64; its error over the
// rows of a, of which there are at least kGroups.
Estimate sliced_wasserstein(const at::Tensor& a, const at::Tensor& b, const at::Tensor& directions, double p);

// Directions [count, features] of length 1, float64; a function of the seed.
at::Tensor random_directions(uint64_t seed, int64_t count, int64_t features);

}  // namespace pfgm
