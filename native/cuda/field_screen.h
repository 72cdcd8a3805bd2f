// The field's screen: bounds of all squared distances between a block's queries and its sources, and what
// they start from.
//
// **The screen.** v = q - centre and w = s - centre are split into TF32 numbers, big + small, of 11 bits
// each, and v.w is taken as big.big + big.small + small.big. With S = sum |v_c w_c| <= |v| |w|, what is lost
// of v.w is at most
//
//   3 2^-22 S    small.small, and what is beyond the small terms
//   120 2^-23 S  a tensor core adds 8 products to its sum with at least 24 bits, counted from the largest of
//                the nine, and cuts off the rest (Fasi et al., "Numerical behavior of NVIDIA tensor cores",
//                PeerJ Computer Science 7:e330, 2021): at most 10 2^-23 S an instruction, of which a sum sees
//                12 (kChunk / 8 steps of three terms) before it is added to one in float64
//
// together below 2^-16 |v| |w|, so 2^-17 (|v| + |w|)^2 of the squared distance. Centring moves that by
// 2^-23 (|v| + |w|)^2, the norms' float32 sums by 2^-20 of it. All in all the error is below
// kScreenError (|v| + |w|)^2, whatever N.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/field_problem.h"

namespace pfgm::cuda {

constexpr double kScreenError = 0x1p-16;

// The nearest number with 11 significant bits, ties away from 0.
PFGM_HD inline float to_tf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x1000u) & 0xffffe000u;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

struct Split {
  float big, small;  // TF32 numbers
};

PFGM_HD inline Split split(float value) {
  const float big = to_tf32(value);
  return {big, to_tf32(value - big)};
}

struct Bounds {
  double lower, upper;
};

// Of |q - s|^2 + z^2. What is not finite has no lower bound, so that such a pair is evaluated.
PFGM_HD inline Bounds bounds(double query_square, double source_square, double product,
                             double height_squared) {
  const double norms = sqrt(query_square) + sqrt(source_square), error = kScreenError * norms * norms;
  const double estimate = query_square + source_square - 2 * product;
  return {height_squared + fmax(estimate - error, 0.0), height_squared + estimate + error};
}

// The mean of up to 256 sources: any point in their midst would do.
PFGM_HD inline float centre_coordinate(const FieldProblem& problem, int64_t c) {
  const int64_t taken = least(problem.source_count, 256), step = problem.source_count / taken;
  double sum = 0;
  for (int64_t i = 0; i < taken; ++i) sum += problem.sources[i * step * problem.dimensions + c];
  return float(sum / double(taken));
}

// The squared distance of one query to the source of its own number, at which the screen starts in every
// split: in training query i is source i, perturbed.
template <class Warp>
PFGM_HD inline void nearby_row(Warp& warp, const FieldProblem& problem, int64_t query) {
  const float* x = problem.x + query * problem.dimensions;
  const float* source = problem.sources + least(query, problem.source_count - 1) * problem.dimensions;
  typename Warp::template Lanes<double> square{};
  warp.each([&](int lane) {
    for (int64_t c = lane; c < problem.dimensions; c += kLanes) {
      const double difference = double(x[c]) - double(source[c]);
      square[lane] += difference * difference;
    }
  });
  warp.sum(square);
  warp.each([&](int lane) {
    const double z = height(problem, query);
    if (lane == 0) problem.nearby[query] = square[lane] + z * z;
  });
}

// A lane's share of the squared norms of rows g and g + 8 and of column g, over one chunk.
struct Squares {
  float queries[2], source;
};

// A lane's share of its warp's products and squared norms.
struct Products {
  double product[4];
  double query_squares[2];  // of rows g and g + 8
  double source_square;     // of column g
};

// Starts to copy kChunk coordinates from `first` on of kRows rows, kWidth at a time; zeros beyond the last.
template <int kWidth, int kRows, class Block, class RowOf>
PFGM_HD inline void copy_rows(Block& block, int thread, int64_t first, int64_t dimensions, RowOf row_of,
                              float (*to)[kStride]) {
  constexpr int kCopies = kChunk / kWidth;
  const int column = thread % kCopies * kWidth;  // kCopies divides kThreads
  const bool there = first + column < dimensions;
  for (int row = thread / kCopies; row < kRows; row += kThreads / kCopies) {
    const float* from = row_of(row);
    block.template copy<kWidth>(to[row] + column, there ? from + first + column : from, there);
  }
}

template <int kWidth, class Block>
PFGM_HD inline void fill_stage(Block& block, const FieldProblem& problem, const Tile& tile, int64_t first,
                               Stage& stage) {
  block.threads([&](int thread) {
    const auto source = [&](int row) { return tile.source_row(problem, row); };
    const auto query = [&](int row) { return tile.query_row(problem, row); };
    const auto centre = [&](int) { return static_cast<const float*>(problem.centre); };
    copy_rows<kWidth, kSources>(block, thread, first, problem.dimensions, source, stage.sources);
    copy_rows<kWidth, kQueries>(block, thread, first, problem.dimensions, query, stage.queries);
    copy_rows<kWidth, 1>(block, thread, first, problem.dimensions, centre, &stage.centre);
  });
  block.commit_copies();
}

template <class Block>
PFGM_HD inline void fill_stage(Block& block, const FieldProblem& problem, const Tile& tile, int64_t first,
                               Stage& stage) {
  if (problem.aligned)
    fill_stage<4>(block, problem, tile, first, stage);
  else
    fill_stage<1>(block, problem, tile, first, stage);
}

// Adds one chunk's products of 16 queries and the warp's 8 sources.
template <class Warp>
PFGM_HD inline void multiply_chunk(Warp& warp, const Stage& stage,
                                   typename Warp::template Lanes<Products>& products) {
  typename Warp::template Lanes<FragmentC> sums{};
  typename Warp::template Lanes<Squares> squares{};
  PFGM_UNROLL
  for (int k = 0; k < kChunk; k += 8) {
    typename Warp::template Lanes<FragmentA> big_a, small_a;
    typename Warp::template Lanes<FragmentB> big_b, small_b;
    warp.each([&](int lane) {
      const int g = lane / 4, t = lane % 4;
      PFGM_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int column = k + t + i / 2 * 4;
        const float v = stage.queries[g + i % 2 * 8][column] - stage.centre[column];
        const Split parts = split(v);
        big_a[lane].at[i] = parts.big;
        small_a[lane].at[i] = parts.small;
        squares[lane].queries[i % 2] += v * v;
      }
      PFGM_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int column = k + t + i * 4;
        const float w = stage.sources[warp.index * 8 + g][column] - stage.centre[column];
        const Split parts = split(w);
        big_b[lane].at[i] = parts.big;
        small_b[lane].at[i] = parts.small;
        squares[lane].source += w * w;
      }
    });
    warp.multiply(small_a, big_b, sums);
    warp.multiply(big_a, small_b, sums);
    warp.multiply(big_a, big_b, sums);
  }
  warp.each([&](int lane) {
    Products& mine = products[lane];
    for (int i = 0; i < 4; ++i) mine.product[i] += double(sums[lane].at[i]);
    for (int i = 0; i < 2; ++i) mine.query_squares[i] += double(squares[lane].queries[i]);
    mine.source_square += double(squares[lane].source);
  });
}

// Puts the warp's squared norms where all can read them; those of the queries are the same in every warp.
template <class Warp>
PFGM_HD inline void share_norms(Warp& warp, typename Warp::template Lanes<Products>& products,
                                FieldShared& shared) {
  for (int i = 0; i < 3; ++i) {
    typename Warp::template Lanes<double> square{};
    warp.each([&](int lane) {
      square[lane] = i < 2 ? products[lane].query_squares[i] : products[lane].source_square;
    });
    warp.quad_sum(square);
    warp.each([&](int lane) {
      if (lane % 4 != 0) return;
      if (i == 2)
        shared.source_squares[warp.index * 8 + lane / 4] = square[lane];
      else if (warp.index == 0)
        shared.query_squares[lane / 4 + i * 8] = square[lane];
    });
  }
}

// Lower bounds of the warp's pairs, and of each query the smallest upper bound among the warp's sources.
template <class Warp>
PFGM_HD inline void share_bounds(Warp& warp, const Tile& tile,
                                 typename Warp::template Lanes<Products>& products, FieldShared& shared) {
  for (int row = 0; row < 2; ++row) {
    typename Warp::template Lanes<double> upper{};
    warp.each([&](int lane) {
      const int q = lane / 4 + row * 8;
      upper[lane] = INFINITY;
      for (int column = 0; column < 2; ++column) {
        const int s = warp.index * 8 + lane % 4 * 2 + column;
        const bool there = tile.source + s < tile.end;
        const Bounds pair = bounds(shared.query_squares[q], shared.source_squares[s],
                                   products[lane].product[row * 2 + column], shared.heights_squared[q]);
        shared.pairs[s][q] = there ? pair.lower : INFINITY;
        if (there) upper[lane] = fmin(upper[lane], pair.upper);
      }
    });
    warp.quad_minimum(upper);
    warp.each([&](int lane) {
      if (lane % 4 == 0) shared.upper[warp.index][lane / 4 + row * 8] = upper[lane];
    });
  }
}

// shared.pairs = lower bounds, shared.upper; ends without a barrier.
template <class Block>
PFGM_HD inline void screen(Block& block, const FieldProblem& problem, const Tile& tile, FieldShared& shared) {
  using Warp = typename Block::Warp;
  typename Block::template Warps<typename Warp::template Lanes<Products>> products{};
  fill_stage(block, problem, tile, 0, shared.stages[0]);
  for (int64_t first = 0, chunk = 0; first < problem.dimensions; first += kChunk, ++chunk) {
    if (first + kChunk < problem.dimensions) {
      fill_stage(block, problem, tile, first + kChunk, shared.stages[(chunk + 1) % 2]);
      block.template await_copies<1>();  // all but the latest
    } else {
      block.template await_copies<0>();
    }
    block.barrier();
    block.warps([&](Warp warp) { multiply_chunk(warp, shared.stages[chunk % 2], products[warp.index]); });
    block.barrier();
  }
  block.warps([&](Warp warp) { share_norms(warp, products[warp.index], shared); });
  block.barrier();
  block.warps([&](Warp warp) { share_bounds(warp, tile, products[warp.index], shared); });
}

// What a block needs of its queries before the first source.
template <class Block>
PFGM_HD inline void start_queries(Block& block, const FieldProblem& problem, int64_t query,
                                  FieldShared& shared) {
  block.threads([&](int thread) {
    if (thread >= kQueries) return;
    const double z = height(problem, least(query + thread, problem.count - 1));
    shared.heights_squared[thread] = z * z;
    shared.minimum[thread] = INFINITY;
    shared.weight_sum[thread] = 0;
  });
}

// The bounds of one tile of queries and one of sources, for tests.
template <class Block>
PFGM_HD inline void write_bounds(Block& block, const ScreenProblem& problem, int64_t query_tile,
                                 int64_t source_tile, FieldShared& shared) {
  const FieldProblem& field = problem.field;
  const Tile tile{query_tile * kQueries, source_tile * kSources, field.source_count};
  start_queries(block, field, tile.query, shared);
  screen(block, field, tile, shared);
  block.barrier();
  block.threads([&](int thread) {
    for (int i = thread; i < kQueries * kSources; i += kThreads) {
      const int q = i % kQueries, s = i / kQueries;
      if (tile.query + q >= field.count || tile.source + s >= tile.end) continue;
      const int64_t row = field.order[tile.query + q];
      double* pair = problem.bounds + (row * field.source_count + tile.source + s) * 2;
      const double norms = sqrt(shared.query_squares[q]) + sqrt(shared.source_squares[s]);
      pair[0] = shared.pairs[s][q];
      pair[1] = kScreenError * norms * norms;
    }
  });
}

}  // namespace pfgm::cuda
