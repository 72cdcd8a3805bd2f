// The tile arithmetic of the empirical Poisson field, in float64 differences, with no dependency on torch.
//
//   E(q) = sum_i w_i (q - s_i),   w_i = |q - s_i|^-p / sum_j |q - s_j|^-p,   p = N + 1 for PFGM (N + D for
//   PFGM++)
//
// arXiv 2209.11178, eq. (5); p as in arXiv 2302.04265. Sources lie on the plane z = 0 and stream past in
// blocks. Relative to the nearest source seen so far, at squared distance m, the weights are (m /
// d2_i)^(p/2), so a new minimum rescales what was summed, as an online softmax does. The power is by repeated
// squaring (and one square root where p is odd): 1e-13 accurate, and it underflows to 0 without a logarithm.
//
// Each instruction set compiles this header in a file of its own (field_avx2.cpp, …) with its own `Lanes`.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pfgm::field {

constexpr int64_t kSourceBlock = 1024;  // sources whose distances are held at once
constexpr int64_t kCoordinateChunk = 512;
constexpr int64_t kFewDimensions = 192;
// A source is left out of the weighted sum where its share of it is below this fraction of the nearest one's,
// in all: the sum's own float64 rounding is larger.
constexpr double kNegligible = 0x1p-60;
constexpr double kSmallestSquare = 1e-300;  // keeps a query that lies on a source finite

// What one instruction set offers. Queries and sums are float64, sources float32, all row-major.
struct Kernel {
  const char* name;
  int query_tile;   // queries are padded to a multiple of this
  int source_tile;  // distance tiles start at multiples of this

  // Squared distances in x of every query to sources [first, last) of the block: adds to nothing, writes
  // distances[query * kSourceBlock + source].
  void (*distances)(const double* queries, int64_t query_count, const float* sources, int64_t first,
                    int64_t last, int64_t dimensions, double* distances);

  // Turns one query's x-distances into weights relative to the nearest source and returns what the running
  // sums must be multiplied by first; updates the running minimum and the running sum of weights.
  double (*weigh)(double* distances, int64_t count, double height_squared, int64_t exponent, double& minimum,
                  double& weight_sum);

  // sums[q, c] = scale[q] * sums[q, c] + sum_i weights[q, i] (queries[q, c] - sources[i, c]) for the
  // coordinates [first, last) of one tile of queries.
  void (*accumulate)(const double* queries, const float* sources, int64_t source_count, const double* weights,
                     const double* scale, int64_t dimensions, int64_t first, int64_t last, double* sums);
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

template <int kLanes>
struct Vectors;
#define PFGM_VECTORS(lanes)                                       \
  template <>                                                     \
  struct Vectors<lanes> {                                         \
    typedef double Wide __attribute__((vector_size((lanes)*8)));  \
    typedef float Narrow __attribute__((vector_size((lanes)*4))); \
  }
PFGM_VECTORS(2);
PFGM_VECTORS(4);
PFGM_VECTORS(8);
#undef PFGM_VECTORS

// The sum of a vector's lanes, by halves. Static: the linker must not share it between instruction sets.
template <int kLanes>
static inline double sum_lanes(typename Vectors<kLanes>::Wide v) {
  if constexpr (kLanes == 2) {
    return v[0] + v[1];
  } else {
    typename Vectors<kLanes / 2>::Wide low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return sum_lanes<kLanes / 2>(low + high);
  }
}

// The kernel itself, for vectors of kLanes doubles; kQ x kS is the register tile of the distances, kA queries
// that of the weighted sum.
template <int kLanes, int kQ, int kS, int kA>
struct Tiles {
  using Vector = typename Vectors<kLanes>::Wide;
  using Narrow = typename Vectors<kLanes>::Narrow;
  static_assert(kSourceBlock % kLanes == 0);

  static inline Vector load(const double* from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  static inline void store(double* to, Vector v) { std::memcpy(to, &v, sizeof v); }
  static inline Vector widen(const float* from) {
    Narrow v;
    std::memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, Vector);
  }
  static inline double sum(Vector v) { return sum_lanes<kLanes>(v); }

  template <int kQueries, int kSources>
  static inline void distance_tile(const double* queries, const float* sources, int64_t dimensions,
                                   int64_t first, int64_t last, bool fresh, double* distances) {
    Vector partial[kQueries][kSources];
    for (int q = 0; q < kQueries; ++q)
      for (int s = 0; s < kSources; ++s) partial[q][s] = Vector{};
    int64_t c = first;
    for (; c + kLanes <= last; c += kLanes) {
      Vector source[kSources];
      for (int s = 0; s < kSources; ++s) source[s] = widen(sources + s * dimensions + c);
      for (int q = 0; q < kQueries; ++q) {
        const Vector query = load(queries + q * dimensions + c);
        for (int s = 0; s < kSources; ++s) {
          const Vector difference = query - source[s];
          partial[q][s] += difference * difference;
        }
      }
    }
    for (int q = 0; q < kQueries; ++q)
      for (int s = 0; s < kSources; ++s) {
        double total = sum(partial[q][s]);
        for (int64_t tail = c; tail < last; ++tail) {
          const double difference = queries[q * dimensions + tail] - double(sources[s * dimensions + tail]);
          total += difference * difference;
        }
        double& cell = distances[q * kSourceBlock + s];
        cell = fresh ? total : cell + total;
      }
  }

  static void distances(const double* queries, int64_t query_count, const float* sources, int64_t first,
                        int64_t last, int64_t dimensions, double* out) {
    if (dimensions <= kFewDimensions) {
      distances_in_few_dimensions(queries, query_count, sources, first, last, dimensions, out);
      return;
    }
    for (int64_t chunk = 0; chunk < dimensions; chunk += kCoordinateChunk) {
      const int64_t end = chunk + kCoordinateChunk < dimensions ? chunk + kCoordinateChunk : dimensions;
      int64_t s = first;
      for (; s + kS <= last; s += kS)
        for (int64_t q = 0; q < query_count; q += kQ)
          distance_tile<kQ, kS>(queries + q * dimensions, sources + s * dimensions, dimensions, chunk, end,
                                chunk == 0, out + q * kSourceBlock + s);
      for (; s < last; ++s)
        for (int64_t q = 0; q < query_count; q += kQ)
          distance_tile<kQ, 1>(queries + q * dimensions, sources + s * dimensions, dimensions, chunk, end,
                               chunk == 0, out + q * kSourceBlock + s);
    }
  }

  // In few dimensions summing a vector's lanes would cost as much as the rest: here a lane is a source
  // instead, for which a few sources are transposed at a time.
  static void distances_in_few_dimensions(const double* queries, int64_t query_count, const float* sources,
                                          int64_t first, int64_t last, int64_t dimensions, double* out) {
    constexpr int kVectors = 3, kWidth = kVectors * kLanes;
    double columns[kFewDimensions * kWidth];
    for (int64_t s = first; s < last; s += kWidth) {
      const int64_t there = s + kWidth <= last ? kWidth : last - s;
      for (int64_t j = 0; j < kWidth; ++j) {
        const float* row = sources + (s + (j < there ? j : there - 1)) * dimensions;
        for (int64_t c = 0; c < dimensions; ++c) columns[c * kWidth + j] = double(row[c]);
      }
      for (int64_t q = 0; q < query_count; q += kQ) {
        Vector partial[kQ][kVectors];
        for (int i = 0; i < kQ; ++i)
          for (int v = 0; v < kVectors; ++v) partial[i][v] = Vector{};
        for (int64_t c = 0; c < dimensions; ++c) {
          Vector column[kVectors];
          for (int v = 0; v < kVectors; ++v) column[v] = load(columns + c * kWidth + v * kLanes);
          for (int i = 0; i < kQ; ++i) {
            const double coordinate = queries[(q + i) * dimensions + c];
            for (int v = 0; v < kVectors; ++v) {
              const Vector difference = coordinate - column[v];
              partial[i][v] += difference * difference;
            }
          }
        }
        for (int i = 0; i < kQ; ++i) {
          double* row = out + (q + i) * kSourceBlock + s;
          if (there == kWidth) {
            for (int v = 0; v < kVectors; ++v) store(row + v * kLanes, partial[i][v]);
          } else {
            double values[kWidth];
            for (int v = 0; v < kVectors; ++v) store(values + v * kLanes, partial[i][v]);
            for (int64_t j = 0; j < there; ++j) row[j] = values[j];
          }
        }
      }
    }
  }

  // base^(exponent/2)
  template <class Value>
  static inline Value half_power(Value base, Value root, int64_t exponent) {
    Value result = exponent % 2 ? root : base * 0.0 + 1.0;
    for (int64_t whole = exponent / 2; whole; whole >>= 1) {
      if (whole & 1) result *= base;
      base *= base;
    }
    return result;
  }

  static inline Vector root(Vector v) {
    for (int lane = 0; lane < kLanes; ++lane) v[lane] = std::sqrt(v[lane]);
    return v;
  }

  static double weigh(double* distances, int64_t count, double height_squared, int64_t exponent,
                      double& minimum, double& weight_sum) {
    // Rows are padded with infinite distances, whose weight is 0.
    const int64_t padded = (count + kLanes - 1) / kLanes * kLanes;
    for (int64_t i = count; i < padded; ++i) distances[i] = INFINITY;
    const Vector height = Vector{} + height_squared, smallest = Vector{} + kSmallestSquare;
    Vector least = Vector{} + INFINITY;
    for (int64_t i = 0; i < padded; i += kLanes) {
      Vector d = load(distances + i) + height;
      d = d > smallest ? d : smallest;
      least = d < least ? d : least;
      store(distances + i, d);
    }
    double nearest = minimum;
    for (int lane = 0; lane < kLanes; ++lane) nearest = least[lane] < nearest ? least[lane] : nearest;
    const double rescale = nearest < minimum && minimum < INFINITY
                               ? half_power(nearest / minimum, std::sqrt(nearest / minimum), exponent)
                               : 1.0;
    minimum = nearest;
    Vector total = {};
    for (int64_t i = 0; i < padded; i += kLanes) {
      const Vector ratio = (Vector{} + nearest) / load(distances + i);
      Vector weight = half_power(ratio, exponent % 2 ? root(ratio) : ratio, exponent);
      // A negligible share of the sum, |w (q - s)| against the nearest source's, becomes an exact 0 to be
      // skipped.
      const Vector share = weight * weight;
      weight = share < ratio * (kNegligible * kNegligible) ? Vector{} : weight;
      total += weight;
      store(distances + i, weight);
    }
    weight_sum = weight_sum * rescale + sum(total);
    return rescale;
  }

  static void accumulate(const double* queries, const float* sources, int64_t source_count,
                         const double* weights, const double* scale, int64_t dimensions, int64_t first,
                         int64_t last, double* sums) {
    for (int q = 0; q < kA; ++q)
      if (scale[q] != 1.0)
        for (int64_t c = first; c < last; ++c) sums[q * dimensions + c] *= scale[q];
    constexpr int64_t kGroup = 8;  // sources that pass while one vector of sums stays in registers
    const float* rows[kGroup];
    double group_weights[kGroup][kA];
    int64_t grouped = 0;
    for (int64_t s = 0; s < source_count; ++s) {
      double any = 0;
      for (int q = 0; q < kA; ++q) any += weights[q * kSourceBlock + s];
      if (any > 0) {
        rows[grouped] = sources + s * dimensions;
        for (int q = 0; q < kA; ++q) group_weights[grouped][q] = weights[q * kSourceBlock + s];
        ++grouped;
      }
      if (grouped == kGroup) {
        add_sources<kGroup>(queries, rows, group_weights, dimensions, first, last, sums);
        grouped = 0;
      }
    }
    for (int64_t s = 0; s < grouped; ++s)
      add_sources<1>(queries, rows + s, group_weights + s, dimensions, first, last, sums);
  }

  template <int kSources>
  static inline void add_sources(const double* queries, const float* const* rows, const double (*weights)[kA],
                                 int64_t dimensions, int64_t first, int64_t last, double* sums) {
    int64_t c = first;
    for (; c + kLanes <= last; c += kLanes) {
      Vector query[kA], total[kA];
      for (int q = 0; q < kA; ++q) {
        query[q] = load(queries + q * dimensions + c);
        total[q] = load(sums + q * dimensions + c);
      }
      for (int s = 0; s < kSources; ++s) {
        const Vector source = widen(rows[s] + c);
        for (int q = 0; q < kA; ++q) total[q] += weights[s][q] * (query[q] - source);
      }
      for (int q = 0; q < kA; ++q) store(sums + q * dimensions + c, total[q]);
    }
    for (; c < last; ++c)
      for (int s = 0; s < kSources; ++s)
        for (int q = 0; q < kA; ++q)
          sums[q * dimensions + c] += weights[s][q] * (queries[q * dimensions + c] - double(rows[s][c]));
  }

  static_assert(kA == kQ, "the queries are padded to one tile height");
  static constexpr Kernel kernel(const char* name) { return {name, kQ, kS, distances, weigh, accumulate}; }
};

}  // namespace pfgm::field
