// What nearest neighbours tell of samples.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "metrics/estimate.h"

namespace pfgm {

// Of each row of a, the k nearest rows of b, the nearest first and the first of equally near ones, and their
// Euclidean distances.
struct Nearest {
  std::vector<int64_t> rows;
  std::vector<double> distances;
};
Nearest nearest(const at::Tensor& a, const at::Tensor& b, int64_t k);

// Improved precision and recall (Kynkaanniemi et al., arXiv 1904.06991), density and coverage (Naeem et al.,
// arXiv 2002.09797), by balls about each item as far as its k-th nearest other one.
struct Manifolds {
  Estimate precision, recall, density, coverage;
};
Manifolds manifolds(const at::Tensor& samples, const at::Tensor& data, int64_t k);

}  // namespace pfgm
