// What an instruction set offers for the empirical Poisson field, with no dependency on torch.
//
//   E(q) = sum_i w_i (q - s_i),   w_i = |q - s_i|^-p / sum_j |q - s_j|^-p,   p = N + 1 for PFGM (N + D for
//   PFGM++)
//
// arXiv 2209.11178, eq. (5); p as in arXiv 2302.04265. Sources lie on the plane z = 0 and stream past in
// blocks. Relative to the nearest source seen so far, at squared distance m, the weights are (m /
// d2_i)^(p/2), so a new minimum rescales what was summed, as an online softmax does. The power is by repeated
// squaring (and one square root where p is odd): 1e-13 accurate, and it underflows to 0 without a logarithm.
//
// Each instruction set compiles the tiles in a file of its own (field_avx2.cpp, …).
#pragma once

#include <cstdint>
#include <vector>

#include "field/byte_kernel.h"

namespace pfgm::field {

constexpr int64_t kSourceBlock = 512;  // sources whose distances are held at once
constexpr int64_t kCoordinateChunk = 512;
constexpr double kSmallestSquare = 1e-300;  // keeps a query that lies on a source finite
constexpr int64_t kQueryPadding =
    8;  // queries are padded to a multiple of this, which every tile height divides

// Exact: differences in float64 for every pair. Queries and sums are float64, sources float32, all row-major.
struct DifferenceKernel {
  int query_tile;
  int source_tile;  // distance tiles start at multiples of this

  // Squared distances in x of every query to sources [first, last) of the block: writes distances[query *
  // kSourceBlock + source].
  void (*distances)(const double* queries, int64_t query_count, const float* sources, int64_t first,
                    int64_t last, int64_t dimensions, double* distances);

  // Those of one query to the listed sources.
  void (*listed_distances)(const double* query, const float* sources, const int32_t* list, int64_t count,
                           int64_t dimensions, double* distances);

  // Turns one query's x-distances into weights relative to the nearest source and returns what the running
  // sums must be multiplied by first; updates the running minimum and the running sum of weights.
  double (*weigh)(double* distances, int64_t count, double height_squared, int64_t exponent, double& minimum,
                  double& weight_sum);

  // sums[q, c] = scale[q] * sums[q, c] + sum_i weights[q, i] (queries[q, c] - sources[i, c]) for the
  // coordinates [first, last) of one tile of queries.
  void (*accumulate)(const double* queries, const float* sources, int64_t source_count, const double* weights,
                     const double* scale, int64_t dimensions, int64_t first, int64_t last, double* sums);

  // sums[c] += sum_i weights[i] (query[c] - sources[list[i], c])
  void (*accumulate_listed)(const double* query, const float* sources, const int32_t* list,
                            const double* weights, int64_t count, int64_t dimensions, double* sums);
};

// Fast: products of centred float32 rows, padded with zeros to a multiple of `lanes`.
struct ProductKernel {
  int lanes;
  int query_tile;   // of the weighted sum
  int source_tile;  // of the distances
  int strip;        // coordinates of the weighted sum that pass at once

  // rows - centre, padded, and their squared norms.
  void (*centre)(const float* rows, int64_t count, int64_t dimensions, const float* centre, int64_t padded,
                 float* centred, double* squares);

  // |q|^2 + |s|^2 - 2 q.s, or 0 where rounding made it negative, of every query and source: writes
  // distances[query * kSourceBlock + source].
  void (*distances)(const float* queries, const double* query_squares, int64_t query_count,
                    const float* sources, const double* source_squares, int64_t source_count, int64_t padded,
                    double* distances);

  // The coordinates of a strip, from `begin`, of rows - centre, padded with zeros.
  void (*pack)(const float* rows, int64_t count, int64_t dimensions, const float* centre, int64_t begin,
               float* strip);

  // sums[q][c] -= sum_i weights[i, q] strip[list[i], c] of one tile of queries, for the `width` coordinates
  // of a strip of centred sources.
  void (*subtract)(const float* strip, const int32_t* list, int64_t count, const float* weights,
                   int64_t width, double* const* sums);
};

// Of a squared distance by product: norm |s| + square |q - s|^2 + product |2 q.s| + squares (|q|^2 + |s|^2) +
// constant.
struct Rounding {
  double norm = 0, square = 0, product = 0, squares = 0, constant = 0;
  double query_square = 0;
};

// Of a weighted sum of sources, in all about sum_i w_i (norm |s_i| + weight).
struct SumRounding {
  double norm = 0, weight = 0;
};

struct WeightShares {
  int64_t listed = 0;                // sources to be evaluated exactly
  double accepted = 0, dropped = 0;  // sums of weights
};

// What becomes of one query's sources in a block, by products. Rows have room for kSourceBlock numbers.
struct WeighingKernel {
  double (*least)(const double* values, int64_t count);
  double (*most)(const double* values, int64_t count);  // or 0

  void (*roundings)(const Rounding& of, const double* distances, const double* norms, int64_t count,
                    double* rounding);

  // change[i] = weights[i] (norms[i] (by_rounding rounding[i] + by_norm) + by_weight); returns their sum.
  double (*changes)(const double* weights, const double* rounding, const double* norms, int64_t count,
                    double by_rounding, double by_norm, double by_weight, double* change);

  // The sum of all values that are no larger than a limit.
  double (*sum_up_to)(const double* values, int64_t count, double limit);

  // Lists the sources whose change is larger than what is accepted, and the heaviest in any case. Weights
  // below `negligible` become 0.
  WeightShares (*divide)(double* weights, const double* change, int64_t count, double negligible,
                         double largest_accepted, int32_t* list);
};

struct Kernel {
  const char* name;
  DifferenceKernel differences;
  ProductKernel product;
  WeighingKernel weighing;
  const ByteKernel* bytes = nullptr;  // none where products of bytes would take longer than float32's
};

const Kernel& portable_kernel();
const Kernel& avx2_kernel();
const Kernel& avx512_kernel();
// All that this machine's instructions allow, the fastest first.
const std::vector<const Kernel*>& available_kernels();
// The one in use: the fastest, unless choose_kernel says otherwise.
const Kernel& current_kernel();
// Uses the kernel of that name from now on; false where it is not available.
bool choose_kernel(const char* name);

}  // namespace pfgm::field
