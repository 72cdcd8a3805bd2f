#include "metrics/kernel_distance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <numeric>
#include <utility>

#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm {
namespace {

at::Tensor kernel(const at::Tensor& x, const at::Tensor& y) {
  return (x.matmul(y.t()) / double(x.size(1)) + 1).pow(3);
}

// The mean over pairs of different rows.
double mean_of_others(const at::Tensor& kernel) {
  const double count = double(kernel.size(0));
  return (kernel.sum().item<double>() - kernel.trace().item<double>()) / (count * (count - 1));
}

}  // namespace

std::vector<double> kernel_distances(const at::Tensor& a, const at::Tensor& b, const at::Tensor& rows_of_a,
                                     const at::Tensor& rows_of_b) {
  if (a.size(1) != b.size(1)) throw Error("ERR_PFGM_ARGUMENT", "Expected two sets of equally many features");
  const auto subset = [](const at::Tensor& all, const at::Tensor& rows) {
    return all.index_select(0, rows).to(at::kDouble);
  };
  std::vector<double> distances;
  for (int64_t i = 0; i < rows_of_a.size(0); ++i) {
    Stop::current().check();
    const at::Tensor x = subset(a, rows_of_a[i]), y = subset(b, rows_of_b[i]);
    distances.push_back(mean_of_others(kernel(x, x)) + mean_of_others(kernel(y, y)) -
                        2 * kernel(x, y).mean().item<double>());
  }
  return distances;
}

at::Tensor random_subsets(uint64_t seed, int64_t subsets, int64_t size, int64_t total) {
  const at::Tensor all = at::empty({subsets, size}, at::kLong);
  std::vector<int64_t> rows(size_t(total), 0);
  for (int64_t s = 0; s < subsets; ++s) {
    const Philox random(seed, (uint64_t(Purpose::kSubset) << 48) | uint64_t(s));
    std::iota(rows.begin(), rows.end(), 0);
    int64_t* const to = all.mutable_data_ptr<int64_t>() + s * size;
    for (int64_t i = 0; i < size; ++i) {
      std::swap(rows[size_t(i)], rows[size_t(i) + random.below(uint64_t(i), uint64_t(total - i))]);
      to[i] = rows[size_t(i)];
    }
  }
  return all;
}

}  // namespace pfgm
