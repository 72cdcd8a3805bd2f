// What the field's kernels are given and what the threads of a block share, for a GPU and for the host: there
// HostBlock (host_block.h) runs the lanes one after another, so that tests without a GPU execute the kernel's
// own code.
//
// A block of kWarps warps keeps kQueries queries and streams its share of the sources past, kSources at a
// time:
//
//   screen      bounds of all squared distances, from a product on the tensor cores (field_screen.h)
//   exact pass  float64 differences, for every pair that the bounds leave a weight worth adding
//   weigh       weights relative to the nearest source so far: an online softmax, as in field/kernel.h
//   accumulate  sum w (q - s) in float64 (these three: field_sums.h)
//
// Only exact distances enter weights. Of B x b pairs no array is kept; what a split of the sources gives is
// (minimum, weight sum, weighted sum), and merge_splits (field_merge.h) adds those up.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/block.h"
#include "runtime/host_device.h"

namespace pfgm::cuda {

constexpr int kQueries = 16;          // rows of a tensor core's product
constexpr int kSources = 8 * kWarps;  // 8 columns of it a warp
constexpr int kChunk = 32;            // coordinates in shared memory at once
constexpr int kStride = kChunk + 4;   // a fragment's lanes read from different banks
constexpr int kPairs = kQueries + 2;  // doubles a row of pairs, for the same reason
constexpr int kSide = 4;              // the exact pass takes kSide queries x kSide sources at a time
constexpr int kBlocksAMultiprocessor = 2;
constexpr int64_t kMaxSplits = 512;
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

}  // namespace pfgm::cuda
