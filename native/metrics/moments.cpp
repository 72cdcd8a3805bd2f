#include "metrics/moments.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm {

at::Tensor no_moments(int64_t features) {
  return at::zeros({kGroups, features + 1, features + 1}, at::kDouble);
}

void add_moments(const at::Tensor& moments, const at::Tensor& features, int64_t first) {
  const int64_t count = features.size(0);
  const at::Tensor values = features.to(at::kCPU, at::kDouble);
  const at::Tensor rows = at::cat({at::ones({count, 1}, at::kDouble), values}, 1);
  for (int64_t i = 0; i < std::min(kGroups, count); ++i) {
    const at::Tensor own = rows.slice(0, i, count, kGroups);
    moments[group_of(first + i)].addmm_(own.t(), own);
  }
}

namespace {

Gaussian gaussian(const at::Tensor& sums) {
  const int64_t features = sums.size(0) - 1;
  const double count = sums[0][0].item<double>();
  if (count < 2) throw Error("ERR_PFGM_ARGUMENT", "Expected features of at least two items");
  const at::Tensor mean = sums[0].slice(0, 1, features + 1) / count;
  const at::Tensor squares = sums.slice(0, 1, features + 1).slice(1, 1, features + 1);
  return {mean, (squares - at::outer(mean, mean) * count) / (count - 1)};
}

// Of a symmetric matrix without negative eigenvalues; those that rounding makes are taken as 0.
at::Tensor square_root(const at::Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return (vectors * values.clamp_min(0).sqrt()).matmul(vectors.t());
}

}  // namespace

Gaussian gaussian_of(const at::Tensor& moments) {
  return gaussian(moments.sum(0));
}

double frechet_distance(const Gaussian& one, const Gaussian& other) {
  if (one.mean.size(0) != other.mean.size(0))
    throw Error("ERR_PFGM_ARGUMENT", "Expected statistics of equally many features");
  Stop::current().check();
  // The eigenvalues of C1 C2 are those of C1^(1/2) C2 C1^(1/2), which is symmetric.
  const at::Tensor root = square_root(one.covariance);
  const at::Tensor product = root.matmul(other.covariance).matmul(root);
  const at::Tensor values = at::linalg_eigvalsh((product + product.t()) / 2);
  const double between = (one.mean - other.mean).square().sum().item<double>();
  return between + one.covariance.trace().item<double>() + other.covariance.trace().item<double>() -
         2 * values.clamp_min(0).sqrt().sum().item<double>();
}

Estimate frechet_estimate(const at::Tensor& moments, const Gaussian& other) {
  const at::Tensor all = moments.sum(0);
  std::vector<double> without;
  for (int64_t g = 0; g < kGroups; ++g)
    without.push_back(frechet_distance(gaussian(all - moments[g]), other));
  return jackknife(frechet_distance(gaussian(all), other), without);
}

}  // namespace pfgm
