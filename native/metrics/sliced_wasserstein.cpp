#include "metrics/sliced_wasserstein.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <utility>

#include "metrics/distances.h"
#include "random/philox.h"

namespace pfgm {
namespace {

// W_p^p of two sorted sets, whose quantiles are compared.
double transport(const std::vector<double>& a, const std::vector<double>& b, double p) {
  double sum = 0, at = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double end_a = double(i + 1) / double(a.size()), end_b = double(j + 1) / double(b.size());
    const double end = std::min(end_a, end_b), off = std::abs(a[i] - b[j]);
    sum += (end - at) * (p == 2 ? off * off : p == 1 ? off : std::pow(off, p));
    at = end;
    // Equal shares end together where sizes are equal.
    if (end_a <= end_b) ++i;
    if (end_b <= end_a) ++j;
  }
  return sum;
}

using Placed = std::pair<double, int64_t>;  // with its row

std::vector<Placed> sorted(const at::Tensor& projections) {
  const double* const values = projections.const_data_ptr<double>();
  std::vector<Placed> all;
  for (int64_t i = 0; i < projections.size(0); ++i) all.emplace_back(values[i], i);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<double> values_of(const std::vector<Placed>& sorted, int64_t left_out) {
  std::vector<double> values;
  for (const auto& [value, row] : sorted)
    if (group_of(row) != left_out) values.push_back(value);
  return values;
}

}  // namespace

Estimate sliced_wasserstein(const at::Tensor& a, const at::Tensor& b, const at::Tensor& directions,
                            double p) {
  const at::Tensor left = rows_of(a), right = rows_of(b);
  const int64_t count = directions.size(0), features = left.size(1);
  if (count < 1 || right.size(1) != features || directions.size(1) != features)
    throw Error("ERR_PFGM_ARGUMENT", "Expected two sets of points and directions of the same dimension");
  // Of each direction, without a group and, last, of all.
  constexpr size_t kAll = size_t(kGroups);
  std::vector<std::vector<double>> found(size_t(count), std::vector<double>(kAll + 1));
  const Stop& stop = Stop::current();
  const at::Tensor across = directions.to(at::kDouble);
  for (int64_t i = 0; i < count; ++i) {
    stop.check();
    const std::vector<Placed> of_a = sorted(left.to(at::kDouble).mv(across[i])),
                              of_b = sorted(right.to(at::kDouble).mv(across[i]));
    const std::vector<double> to = values_of(of_b, -1);
    at::parallel_for(0, kGroups + 1, 1, [&](int64_t first, int64_t last) {
      for (int64_t group = first; group < last; ++group)
        found[size_t(i)][size_t(group)] = transport(values_of(of_a, group == kGroups ? -1 : group), to, p);
    });
  }
  std::vector<double> distances;
  for (size_t group = 0; group <= kAll; ++group) {
    double sum = 0;
    for (const auto& one : found) sum += one[group];
    distances.push_back(std::pow(sum / double(count), 1 / p));
  }
  const double value = distances.back();
  distances.pop_back();
  return jackknife(value, distances);
}

at::Tensor random_directions(uint64_t seed, int64_t count, int64_t features) {
  at::Tensor directions = at::empty({count, features}, at::kDouble);
  for (int64_t i = 0; i < count; ++i)
    Philox(seed, (uint64_t(Purpose::kDirection) << 48) | uint64_t(i))
        .fill_normals(0, features, directions.mutable_data_ptr<double>() + i * features);
  return directions / directions.norm(2, at::IntArrayRef{1}, true);
}

}  // namespace pfgm
