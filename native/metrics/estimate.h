// A figure of samples, and by how much chance moves it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace pfgm {

struct Estimate {
  double value = 0, error = 0;  // error: standard
};

// Items are dealt out to groups in turn.
constexpr int64_t kGroups = 10;
inline int64_t group_of(int64_t item) {
  return item % kGroups;
}

// By the jackknife: from what the figure is without each of the groups. A bias that sinks with the number of
// samples, as a Frechet distance has it, is nearly the same in all of these.
inline Estimate jackknife(double value, const std::vector<double>& without) {
  const double count = double(without.size());
  double mean = 0, squares = 0;
  for (double one : without) mean += one / count;
  for (double one : without) squares += (one - mean) * (one - mean);
  return {value, count > 1 ? std::sqrt((count - 1) / count * squares) : NAN};
}

// The mean of a number of each item, and its error from the means of groups.
inline Estimate mean_of(const std::vector<double>& values) {
  const int64_t groups = std::min<int64_t>(kGroups, int64_t(values.size()));
  std::vector<double> sums(groups), counts(groups);
  double total = 0;
  for (int64_t i = 0; i < int64_t(values.size()); ++i) {
    sums[i % groups] += values[i];
    counts[i % groups] += 1;
    total += values[i];
  }
  const double mean = total / double(values.size());
  double squares = 0;
  for (int64_t g = 0; g < groups; ++g) {
    const double off = sums[g] / counts[g] - mean;
    squares += off * off;
  }
  return {mean, groups > 1 ? std::sqrt(squares / double(groups * (groups - 1))) : NAN};
}

}  // namespace pfgm
