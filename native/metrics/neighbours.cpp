#include "metrics/neighbours.h"

#include <atomic>
#include <cmath>
#include <utility>

#include "metrics/distances.h"

namespace pfgm {
namespace {

using Placed = std::pair<double, int64_t>;  // a squared distance and its row

// Of each row of a, the k nearest rows of b, or of the other rows where `others` says that they are the same.
std::vector<std::vector<Placed>> nearest_of(const at::Tensor& a, const at::Tensor& b, int64_t k,
                                            bool others) {
  std::vector<std::vector<Placed>> nearest(size_t(a.size(0)));
  for_each_distance(a, b, [&](int64_t row, int64_t first, int64_t count, const double* squares) {
    std::vector<Placed>& heap = nearest[size_t(row)];  // the farthest of those so far in front
    for (int64_t i = 0; i < count; ++i) {
      const Placed placed{squares[i], first + i};
      if (others && first + i == row) continue;
      if (int64_t(heap.size()) == k) {
        if (!(placed < heap.front())) continue;
        std::pop_heap(heap.begin(), heap.end());
        heap.pop_back();
      }
      heap.push_back(placed);
      std::push_heap(heap.begin(), heap.end());
    }
  });
  for (std::vector<Placed>& heap : nearest) std::sort_heap(heap.begin(), heap.end());
  return nearest;
}

std::vector<double> radii(const at::Tensor& rows, int64_t k) {
  std::vector<double> found;
  for (const std::vector<Placed>& near : nearest_of(rows, rows, k, true)) found.push_back(near.back().first);
  return found;
}

}  // namespace

Nearest nearest(const at::Tensor& a, const at::Tensor& b, int64_t k) {
  const at::Tensor left = rows_of(a), right = rows_of(b);
  if (k < 1 || right.size(0) < k)
    throw Error("ERR_PFGM_ARGUMENT", "Expected at least as many rows as neighbours");
  Nearest found;
  for (const std::vector<Placed>& near : nearest_of(left, right, k, false))
    for (const auto& [square, row] : near) {
      found.rows.push_back(row);
      found.distances.push_back(std::sqrt(square));
    }
  return found;
}

Manifolds manifolds(const at::Tensor& samples, const at::Tensor& data, int64_t k) {
  const at::Tensor fakes = rows_of(samples), reals = rows_of(data);
  if (k < 1 || std::min(fakes.size(0), reals.size(0)) <= k)
    throw Error("ERR_PFGM_ARGUMENT", "Expected more items of each set than neighbours");
  const std::vector<double> real_radii = radii(reals, k), fake_radii = radii(fakes, k);
  const size_t count = real_radii.size();
  std::vector<double> balls(fake_radii.size());  // of reals, that a fake lies in
  std::vector<std::atomic<bool>> recalled(count), covered(count);
  for_each_distance(fakes, reals, [&](int64_t fake, int64_t first, int64_t size, const double* squares) {
    for (int64_t i = 0; i < size; ++i) {
      const size_t real = size_t(first + i);
      if (squares[i] < real_radii[real]) {
        balls[size_t(fake)] += 1;
        covered[real].store(true, std::memory_order_relaxed);
      }
      if (squares[i] < fake_radii[size_t(fake)]) recalled[real].store(true, std::memory_order_relaxed);
    }
  });
  std::vector<double> precise, dense;
  for (double inside : balls) {
    precise.push_back(inside > 0);
    dense.push_back(inside / double(k));
  }
  const auto share = [](const std::vector<std::atomic<bool>>& flags) {
    return mean_of(std::vector<double>(flags.begin(), flags.end()));
  };
  return {mean_of(precise), share(recalled), mean_of(dense), share(covered)};
}

}  // namespace pfgm
