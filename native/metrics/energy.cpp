#include "metrics/energy.h"

#include <array>
#include <vector>

#include "metrics/distances.h"

namespace pfgm {
namespace {

using ByGroup = std::array<double, kGroups>;

// Of each row of a, the sums of its distances to each group of b's rows.
std::vector<ByGroup> distance_sums(const at::Tensor& a, const at::Tensor& b, bool skip_diagonal) {
  const at::Tensor left = rows_of(a), right = rows_of(b);
  std::vector<ByGroup> sums(size_t(left.size(0)), ByGroup{});
  for_each_distance(left, right, [&](int64_t row, int64_t first, int64_t count, const double* squares) {
    ByGroup& to = sums[size_t(row)];
    for (int64_t i = 0; i < count; ++i)
      if (!skip_diagonal || row != first + i) to[size_t(group_of(first + i))] += std::sqrt(squares[i]);
  });
  return sums;
}

}  // namespace

double mean_distance(const at::Tensor& a, const at::Tensor& b, bool skip_diagonal) {
  double total = 0;
  for (const ByGroup& row : distance_sums(a, b, skip_diagonal))
    for (double part : row) total += part;
  const int64_t rows = a.size(0), columns = b.size(0);
  const double pairs = double(rows) * double(columns) - (skip_diagonal ? double(std::min(rows, columns)) : 0);
  return pairs > 0 ? total / pairs : 0;
}

double energy_distance(const at::Tensor& samples, const at::Tensor& data) {
  return 2 * mean_distance(samples, data, false) - mean_distance(samples, samples, true) -
         mean_distance(data, data, false);
}

Estimate energy_estimate(const at::Tensor& samples, const at::Tensor& data) {
  const int64_t count = samples.size(0), items = data.size(0);
  // Sums of the distances of one group's samples to the data, and to another group's samples.
  ByGroup to_data{}, sizes{};
  std::array<ByGroup, kGroups> among{};
  const std::vector<ByGroup> to = distance_sums(samples, data, false),
                             own = distance_sums(samples, samples, true);
  for (int64_t i = 0; i < count; ++i) {
    const size_t group = size_t(group_of(i));
    sizes[group] += 1;
    for (size_t other = 0; other < kGroups; ++other) {
      to_data[group] += to[size_t(i)][other];
      among[group][other] += own[size_t(i)][other];
    }
  }
  const double of_data = mean_distance(data, data, false);
  const auto without = [&](int64_t left_out) {
    double between = 0, within = 0, left = 0;
    for (int64_t g = 0; g < kGroups; ++g) {
      if (g == left_out) continue;
      left += sizes[size_t(g)];
      between += to_data[size_t(g)];
      for (int64_t h = 0; h < kGroups; ++h)
        if (h != left_out) within += among[size_t(g)][size_t(h)];
    }
    return 2 * between / (left * double(items)) - within / (left * (left - 1)) - of_data;
  };
  std::vector<double> all;
  for (int64_t g = 0; g < kGroups; ++g) all.push_back(without(g));
  return jackknife(without(-1), all);
}

}  // namespace pfgm
