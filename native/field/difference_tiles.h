// The tile arithmetic of the field in float64 differences. See kernel.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "field/kernel.h"
#include "field/vectors.h"

namespace pfgm::field {

constexpr int64_t kFewDimensions = 192;
// A source is left out of the weighted sum where its share of it is below this fraction of the nearest one's,
// in all: the sum's own float64 rounding is larger.
constexpr double kNegligible = 0x1p-60;

// For vectors of kLanes doubles; kQ x kS is the register tile of the distances, kQ queries that of the
// weighted sum.
template <int kLanes, int kQ, int kS>
struct DifferenceTiles {
  using Vector = typename Vectors<kLanes>::Wide;
  using Narrow = typename Vectors<kLanes>::Narrow;
  static_assert(kSourceBlock % kLanes == 0);

  static inline Vector widen(const float* from) {
    Narrow v;
    std::memcpy(&v, from, sizeof v);
    return field::widen<kLanes>(v);
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
        const Vector query = load<kLanes>(queries + q * dimensions + c);
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
          for (int v = 0; v < kVectors; ++v) column[v] = load<kLanes>(columns + c * kWidth + v * kLanes);
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
      Vector d = load<kLanes>(distances + i) + height;
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
      const Vector ratio = (Vector{} + nearest) / load<kLanes>(distances + i);
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

  static void listed_distances(const double* query, const float* sources, const int32_t* list, int64_t count,
                               int64_t dimensions, double* out) {
    constexpr int kRows = 4;
    for (int64_t i = 0; i < count; i += kRows) {
      const float* rows[kRows];
      for (int64_t j = 0; j < kRows; ++j)
        rows[j] = sources + list[i + j < count ? i + j : count - 1] * dimensions;
      Vector partial[kRows] = {};
      int64_t c = 0;
      for (; c + kLanes <= dimensions; c += kLanes) {
        const Vector coordinates = load<kLanes>(query + c);
        for (int j = 0; j < kRows; ++j) {
          const Vector difference = coordinates - widen(rows[j] + c);
          partial[j] += difference * difference;
        }
      }
      for (int64_t j = 0; j < kRows && i + j < count; ++j) {
        out[i + j] = sum(partial[j]);
        for (int64_t tail = c; tail < dimensions; ++tail) {
          const double difference = query[tail] - double(rows[j][tail]);
          out[i + j] += difference * difference;
        }
      }
    }
  }

  static void accumulate_listed(const double* query, const float* sources, const int32_t* list,
                                const double* weights, int64_t count, int64_t dimensions, double* sums) {
    constexpr int64_t kRows = 4;
    const float* rows[kRows];
    double row_weights[kRows][1];
    for (int64_t i = 0; i < count; i += kRows) {
      const int64_t there = i + kRows <= count ? kRows : count - i;
      for (int64_t j = 0; j < there; ++j) {
        rows[j] = sources + list[i + j] * dimensions;
        row_weights[j][0] = weights[i + j];
      }
      if (there == kRows) {
        add_sources<1, kRows>(query, rows, row_weights, dimensions, 0, dimensions, sums);
      } else {
        for (int64_t j = 0; j < there; ++j)
          add_sources<1, 1>(query, rows + j, row_weights + j, dimensions, 0, dimensions, sums);
      }
    }
  }

  static void accumulate(const double* queries, const float* sources, int64_t source_count,
                         const double* weights, const double* scale, int64_t dimensions, int64_t first,
                         int64_t last, double* sums) {
    for (int q = 0; q < kQ; ++q)
      if (scale[q] != 1.0)
        for (int64_t c = first; c < last; ++c) sums[q * dimensions + c] *= scale[q];
    constexpr int64_t kGroup = 8;  // sources that pass while one vector of sums stays in registers
    const float* rows[kGroup];
    double group_weights[kGroup][kQ];
    int64_t grouped = 0;
    for (int64_t s = 0; s < source_count; ++s) {
      double any = 0;
      for (int q = 0; q < kQ; ++q) any += weights[q * kSourceBlock + s];
      if (any != 0) {  // a NaN of one query must not take the source from the others
        rows[grouped] = sources + s * dimensions;
        for (int q = 0; q < kQ; ++q) group_weights[grouped][q] = weights[q * kSourceBlock + s];
        ++grouped;
      }
      if (grouped == kGroup) {
        add_sources<kQ, kGroup>(queries, rows, group_weights, dimensions, first, last, sums);
        grouped = 0;
      }
    }
    for (int64_t s = 0; s < grouped; ++s)
      add_sources<kQ, 1>(queries, rows + s, group_weights + s, dimensions, first, last, sums);
  }

  template <int kQueries, int kSources>
  static inline void add_sources(const double* queries, const float* const* rows,
                                 const double (*weights)[kQueries], int64_t dimensions, int64_t first,
                                 int64_t last, double* sums) {
    int64_t c = first;
    for (; c + kLanes <= last; c += kLanes) {
      Vector query[kQueries], total[kQueries];
      for (int q = 0; q < kQueries; ++q) {
        query[q] = load<kLanes>(queries + q * dimensions + c);
        total[q] = load<kLanes>(sums + q * dimensions + c);
      }
      for (int s = 0; s < kSources; ++s) {
        const Vector source = widen(rows[s] + c);
        for (int q = 0; q < kQueries; ++q) total[q] += weights[s][q] * (query[q] - source);
      }
      for (int q = 0; q < kQueries; ++q) store(sums + q * dimensions + c, total[q]);
    }
    for (; c < last; ++c)
      for (int s = 0; s < kSources; ++s)
        for (int q = 0; q < kQueries; ++q)
          sums[q * dimensions + c] += weights[s][q] * (queries[q * dimensions + c] - double(rows[s][c]));
  }

  static constexpr DifferenceKernel kernel() {
    return {kQ, kS, distances, listed_distances, weigh, accumulate, accumulate_listed};
  }
};

}  // namespace pfgm::field
