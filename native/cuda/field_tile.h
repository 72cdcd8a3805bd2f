// The field's tile arithmetic for a GPU, which also compiles for the host: there HostBlock (host_block.h)
// runs the lanes one after another, so that tests without a GPU execute the kernel's own code.
//
// A block of kWarps warps keeps kQueries queries and streams its share of the sources past, kSources at a
// time:
//
//   screen      bounds of all squared distances, from a product on the tensor cores
//   exact pass  float64 differences, for every pair that the bounds leave a weight worth adding
//   weigh       weights relative to the nearest source so far: an online softmax, as in field/kernel.h
//   accumulate  sum w (q - s) in float64
//
// Only exact distances enter weights. Of B x b pairs no array is kept; what a split of the sources gives is
// (minimum, weight sum, weighted sum), and merge_splits adds those up.
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

#include "cuda/host_device.h"

namespace pfgm::cuda {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kLanes;
constexpr int kQueries = 16;          // rows of a tensor core's product
constexpr int kSources = 8 * kWarps;  // 8 columns of it a warp
constexpr int kChunk = 32;            // coordinates in shared memory at once
constexpr int kStride = kChunk + 4;   // a fragment's lanes read from different banks
constexpr int kPairs = kQueries + 2;  // doubles a row of pairs, for the same reason
constexpr int kSide = 4;              // the exact pass takes kSide queries x kSide sources at a time
constexpr int kBlocksAMultiprocessor = 2;
constexpr int64_t kMaxSplits = 512;
constexpr double kScreenError = 0x1p-16;
// A source is left out where its share of the weighted sum is below this fraction of the nearest one's.
constexpr double kNegligible = 0x1p-60;

// All row-major. Memory beside sources, queries and target is that of `splits` sums, however many sources.
struct FieldProblem {
  const float* sources;  // [source_count, dimensions]
  const float* x;        // [count, dimensions]
  const float* z;        // [count], taken as >= 1e-10
  int64_t source_count;
  int64_t count;
  int64_t dimensions;
  double gamma;
  bool aligned;             // rows start at multiples of 16 bytes
  double reach;             // reach(dimensions)
  int64_t splits;           // <= kMaxSplits
  int64_t sources_a_split;  // a multiple of kSources
  float* centre;            // [dimensions]
  double* nearby;           // [count]: the squared distance to some source
  double* weighted;         // [splits, count, dimensions], zeros: sum w (q - s)
  double* minima;           // [splits, count]: the nearest source's squared distance
  double* weights;          // [splits, count]: sum w, relative to the nearest
  const int64_t* order;     // [count]: which row of the target is a query's
  float* target;            // [count, dimensions + 1]
};

// What the sums need first: centre and nearby.
struct PreparationProblem {
  FieldProblem field;
};

// The lower bounds and errors of all pairs, for tests: [count, source_count, 2].
struct ScreenProblem {
  FieldProblem field;
  double* bounds;
};

struct alignas(16) Stage {
  float queries[kQueries][kStride];
  float sources[kSources][kStride];
  float centre[kStride];
};

struct FieldShared {
  Stage stages[2];                 // one is computed with while the other is filled
  double pairs[kSources][kPairs];  // lower bounds, then squared distances, then weights
  double upper[kWarps][kQueries];  // the smallest upper bound among a warp's sources
  double query_squares[kQueries], source_squares[kSources];
  double heights_squared[kQueries];
  double cut[kQueries];  // sources beyond this squared distance are negligible
  double minimum[kQueries], weight_sum[kQueries], scale[kQueries];
  uint32_t used[kQueries][2];  // bits of the sources with a weight
};

struct MergeShared {
  double scale[kMaxSplits];
  double squares[kWarps];
};

PFGM_HD inline int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

PFGM_HD inline double height(const FieldProblem& problem, int64_t query) {
  return fmax(double(problem.z[query]), 1e-10);
}

// ratio^(exponent / 2) by repeated squaring.
PFGM_HD inline double half_power(double ratio, int64_t exponent) {
  double result = exponent % 2 ? sqrt(ratio) : 1.0;
  for (int64_t whole = exponent / 2; whole; whole >>= 1) {
    if (whole & 1) result *= ratio;
    ratio *= ratio;
  }
  return result;
}

// Beyond `reach` times the nearest squared distance, w |q - s| is below kNegligible of the nearest source's:
// (1 / reach)^(N / 2) = kNegligible.
PFGM_HD inline double reach(int64_t dimensions) {
  return pow(kNegligible, -2.0 / double(dimensions));
}

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

// What a lane holds of the fragments of a 16 x 8 product over 8 coordinates (mma.m16n8k8): with g = lane / 4
// and t = lane % 4, A (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); B (t, g), (t + 4, g);
// C (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
struct FragmentA {
  float at[4];
};
struct FragmentB {
  float at[2];
};
struct FragmentC {
  float at[4];
};

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

// The tile at hand: kQueries queries from `query` on, kSources sources from `source` on, of which those
// before `end` count. Beyond the last row that one is read again.
struct Tile {
  int64_t query, source, end;
  PFGM_HD const float* query_row(const FieldProblem& problem, int64_t i) const {
    return problem.x + least(query + i, problem.count - 1) * problem.dimensions;
  }
  PFGM_HD const float* source_row(const FieldProblem& problem, int64_t i) const {
    return problem.sources + least(source + i, problem.source_count - 1) * problem.dimensions;
  }
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
