// The field's sums over one split of the sources: what the screen leaves is measured exactly, weighed and
// accumulated.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/field_problem.h"
#include "cuda/field_screen.h"

namespace pfgm::cuda {

// Squared distances of kSide x kSide pairs by float64 differences, the coordinates split over the lanes.
template <class Warp>
PFGM_HD inline void exact_side(Warp& warp, const FieldProblem& problem, const Tile& tile, int q, int s,
                               FieldShared& shared) {
  struct Sums {
    double at[kSide][kSide];
  };
  const float *queries[kSide], *sources[kSide];
  for (int i = 0; i < kSide; ++i) {
    queries[i] = tile.query_row(problem, q + i);
    sources[i] = tile.source_row(problem, s + i);
  }
  typename Warp::template Lanes<Sums> sums{};
  warp.each([&](int lane) {
    for (int64_t c = lane; c < problem.dimensions; c += kLanes) {
      double source[kSide];
      PFGM_UNROLL
      for (int j = 0; j < kSide; ++j) source[j] = double(sources[j][c]);
      PFGM_UNROLL
      for (int i = 0; i < kSide; ++i) {
        const double query = double(queries[i][c]);
        PFGM_UNROLL
        for (int j = 0; j < kSide; ++j) {
          const double difference = query - source[j];
          sums[lane].at[i][j] += difference * difference;
        }
      }
    }
  });
  PFGM_UNROLL
  for (int i = 0; i < kSide; ++i) {
    PFGM_UNROLL
    for (int j = 0; j < kSide; ++j) {
      typename Warp::template Lanes<double> square{};
      warp.each([&](int lane) { square[lane] = sums[lane].at[i][j]; });
      warp.sum(square);
      warp.each([&](int lane) {
        const bool there = tile.query + q + i < problem.count && tile.source + s + j < tile.end;
        if (lane == 0)
          shared.pairs[s + j][q + i] = there ? square[lane] + shared.heights_squared[q + i] : INFINITY;
      });
    }
  }
}

// shared.pairs: lower bounds -> squared distances, infinite where the bound leaves the pair no weight.
template <class Warp>
PFGM_HD inline void exact_pass(Warp& warp, const FieldProblem& problem, const Tile& tile,
                               FieldShared& shared) {
  constexpr int kAcross = kQueries / kSide;
  for (int side = warp.index; side < kAcross * kSources / kSide; side += kWarps) {
    const int q = side % kAcross * kSide, s = side / kAcross * kSide;
    typename Warp::template Lanes<bool> matters{};
    warp.each([&](int lane) {
      if (lane >= kSide * kSide) return;
      const int i = q + lane % kSide, j = s + lane / kSide;
      const bool there = tile.query + i < problem.count && tile.source + j < tile.end;
      matters[lane] = there && !(shared.pairs[j][i] > shared.cut[i]);  // also where a bound is not a number
    });
    if (warp.any(matters)) {
      warp.count_side();
      exact_side(warp, problem, tile, q, s, shared);
    } else {
      warp.each([&](int lane) {
        if (lane < kSide * kSide) shared.pairs[s + lane / kSide][q + lane % kSide] = INFINITY;
      });
    }
  }
}

// shared.pairs: squared distances -> weights; updates one query's minimum and weight sum.
template <class Warp>
PFGM_HD inline void weigh(Warp& warp, const FieldProblem& problem, int q, FieldShared& shared) {
  typename Warp::template Lanes<double> nearest{}, total{};
  warp.each([&](int lane) {
    nearest[lane] = shared.minimum[q];
    for (int s = lane; s < kSources; s += kLanes) nearest[lane] = fmin(nearest[lane], shared.pairs[s][q]);
  });
  warp.minimum(nearest);
  for (int half = 0; half < kSources / kLanes; ++half) {
    typename Warp::template Lanes<bool> used{};
    warp.each([&](int lane) {
      double& pair = shared.pairs[half * kLanes + lane][q];
      const double ratio = nearest[lane] < INFINITY ? nearest[lane] / pair : 0;
      const double weight = half_power(ratio, problem.dimensions + 1);
      pair = weight * weight < ratio * (kNegligible * kNegligible) ? 0 : weight;
      used[lane] = pair != 0;
      total[lane] += pair;
    });
    const uint32_t bits = warp.ballot(used);
    warp.each([&](int lane) {
      if (lane == 0) shared.used[q][half] = bits;
    });
  }
  warp.sum(total);
  warp.each([&](int lane) {
    if (lane != 0) return;
    const double before = shared.minimum[q];
    shared.scale[q] = nearest[lane] < before && before < INFINITY
                          ? half_power(nearest[lane] / before, problem.dimensions + 1)
                          : 1;
    shared.minimum[q] = nearest[lane];
    shared.weight_sum[q] = shared.weight_sum[q] * shared.scale[q] + total[lane];
  });
}

// weighted[q, c] = scale[q] weighted[q, c] + sum_s w (q_c - s_c), a coordinate a thread.
template <class Block>
PFGM_HD inline void accumulate(Block& block, const FieldProblem& problem, const Tile& tile,
                               const FieldShared& shared, double* weighted) {
  uint64_t used = 0;
  for (int q = 0; q < kQueries; ++q) used |= shared.used[q][0] | uint64_t(shared.used[q][1]) << 32;
  if (used == 0) return;  // then no minimum is new either
  const int there = int(least(kQueries, problem.count - tile.query));
  const float* x = problem.x + tile.query * problem.dimensions;
  weighted += tile.query * problem.dimensions;
  block.threads([&](int thread) {
    for (int64_t c = thread; c < problem.dimensions; c += kThreads) {
      double query[kQueries], sums[kQueries];
      PFGM_UNROLL
      for (int q = 0; q < kQueries; ++q) {
        const int64_t at = q * problem.dimensions + c;
        query[q] = q < there ? double(x[at]) : 0;
        sums[q] = q < there ? weighted[at] * shared.scale[q] : 0;
      }
      for (uint64_t left = used; left != 0; left &= left - 1) {
        const int s = block.lowest_bit(left);
        const double source = double(tile.source_row(problem, s)[c]);
        PFGM_UNROLL
        for (int q = 0; q < kQueries; ++q) sums[q] += shared.pairs[s][q] * (query[q] - source);
      }
      PFGM_UNROLL
      for (int q = 0; q < kQueries; ++q)
        if (q < there) weighted[q * problem.dimensions + c] = sums[q];
    }
  });
}

// The sums of one tile of queries over one split of the sources.
template <class Block>
PFGM_HD inline void sum_split(Block& block, const FieldProblem& problem, int64_t query_tile, int64_t index,
                              FieldShared& shared) {
  using Warp = typename Block::Warp;
  Tile tile{query_tile * kQueries, index * problem.sources_a_split, 0};
  tile.end = least(tile.source + problem.sources_a_split, problem.source_count);
  double* weighted = problem.weighted + index * problem.count * problem.dimensions;
  start_queries(block, problem, tile.query, shared);
  for (; tile.source < tile.end; tile.source += kSources) {
    screen(block, problem, tile, shared);
    block.barrier();
    block.threads([&](int thread) {
      if (thread >= kQueries) return;
      double upper = problem.nearby[least(tile.query + thread, problem.count - 1)];
      upper = fmin(upper, shared.minimum[thread]);
      for (int warp = 0; warp < kWarps; ++warp) upper = fmin(upper, shared.upper[warp][thread]);
      shared.cut[thread] = upper * problem.reach;
    });
    block.barrier();
    block.warps([&](Warp warp) { exact_pass(warp, problem, tile, shared); });
    block.barrier();
    block.warps([&](Warp warp) {
      for (int q = warp.index; q < kQueries; q += kWarps) weigh(warp, problem, q, shared);
    });
    block.barrier();
    // The next tile's bounds are written after barriers that all pass only when they are done here.
    accumulate(block, problem, tile, shared, weighted);
  }
  block.threads([&](int thread) {
    if (thread >= kQueries || tile.query + thread >= problem.count) return;
    problem.minima[index * problem.count + tile.query + thread] = shared.minimum[thread];
    problem.weights[index * problem.count + tile.query + thread] = shared.weight_sum[thread];
  });
}

}  // namespace pfgm::cuda
