// Frechet distances between sets of features, each taken as a Gaussian's (Heusel et al., arXiv 1706.08500).
#pragma once

#include <ATen/core/Tensor.h>

#include "metrics/estimate.h"

namespace pfgm {

// The mean [F] and covariance [F, F] of features, float64; the covariance is over one less than they are.
struct Gaussian {
  at::Tensor mean, covariance;
};

// Sums [groups, F + 1, F + 1] of [1, x]^T [1, x] over each group's features x, float64: all that their
// Gaussians need, however many there are.
at::Tensor no_moments(int64_t features);
// Adds features [n, F], of which the first is item number `first`.
void add_moments(const at::Tensor& moments, const at::Tensor& features, int64_t first);
Gaussian gaussian_of(const at::Tensor& moments);  // of all groups

// |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)
double frechet_distance(const Gaussian& one, const Gaussian& other);
// With its error over the features that the moments are of.
Estimate frechet_estimate(const at::Tensor& moments, const Gaussian& other);

}  // namespace pfgm
