// The field of one query, from the sums over all splits of the sources.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/field_problem.h"

namespace pfgm::cuda {

// Adds up one query's splits and writes its target -sqrt(N) E / (|E| + gamma).
template <class Block>
PFGM_HD inline void merge_splits(Block& block, const FieldProblem& problem, int64_t query,
                                 MergeShared& shared) {
  using Warp = typename Block::Warp;
  const int64_t row = problem.dimensions, all = problem.count * row;
  double minimum = INFINITY, weight = 0;
  for (int64_t k = 0; k < problem.splits; ++k)
    minimum = fmin(minimum, problem.minima[k * problem.count + query]);
  block.threads([&](int thread) {
    for (int64_t k = thread; k < problem.splits; k += kThreads)
      shared.scale[k] = half_power(minimum / problem.minima[k * problem.count + query], row + 1);
  });
  block.barrier();
  for (int64_t k = 0; k < problem.splits; ++k)
    weight += shared.scale[k] * problem.weights[k * problem.count + query];

  double* field = problem.weighted + query * row;  // that of the first split takes the sum
  block.warps([&](Warp warp) {
    typename Warp::template Lanes<double> square{};
    warp.each([&](int lane) {
      for (int64_t c = warp.index * kLanes + lane; c < row; c += kThreads) {
        double sum = 0;
        for (int64_t k = 0; k < problem.splits; ++k) sum += shared.scale[k] * field[k * all + c];
        field[c] = sum / weight;
        square[lane] += field[c] * field[c];
      }
    });
    warp.sum(square);
    warp.each([&](int lane) {
      if (lane == 0) shared.squares[warp.index] = square[lane];
    });
  });
  block.barrier();

  const double z = height(problem, query);
  double square = z * z;
  for (int warp = 0; warp < kWarps; ++warp) square += shared.squares[warp];
  const double factor = -sqrt(double(row)) / (sqrt(square) + problem.gamma);
  float* target = problem.target + problem.order[query] * (row + 1);
  block.threads([&](int thread) {
    for (int64_t c = thread; c < row; c += kThreads) target[c] = float(factor * field[c]);
    if (thread == 0) target[row] = float(factor * z);
  });
}

}  // namespace pfgm::cuda
