// What the field by products does with each query's weights in a block of sources. See kernel.h.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "field/kernel.h"
#include "field/vectors.h"

namespace pfgm::field {

// For vectors of kLanes doubles. Rows are read in whole vectors: what follows the last source of a row must
// be readable, and is left out of every result.
template <int kLanes>
struct WeighingTiles {
  using Vector = typename Vectors<kLanes>::Wide;
  using Mask = decltype(Vector{} < Vector{});
  static_assert(kSourceBlock % kLanes == 0);

  static inline double sum(Vector v) { return sum_lanes<kLanes>(v); }
  static inline Vector magnitude(Vector v) { return v < Vector{} ? -v : v; }
  static inline bool any(Mask mask) {
#if defined(__AVX512F__)
    if constexpr (kLanes == 8) return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#endif
    long long either = 0;
    for (int lane = 0; lane < kLanes; ++lane) either |= mask[lane];
    return either != 0;
  }
  // The lanes of the vector at i that are one of `count` sources.
  static inline Mask there(int64_t i, int64_t count) {
    Mask lane = {};
    for (int j = 0; j < kLanes; ++j) lane[j] = j;
    return lane < Mask{} + (count - i);
  }

  static double least(const double* values, int64_t count) {
    Vector least = Vector{} + INFINITY;
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      const Vector v = load<kLanes>(values + i);
      least = v < least ? v : least;
    }
    double result = INFINITY;
    for (; i < count; ++i) result = values[i] < result ? values[i] : result;
    for (int lane = 0; lane < kLanes; ++lane) result = least[lane] < result ? least[lane] : result;
    return result;
  }

  static double most(const double* values, int64_t count) {
    Vector most = {};
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vector v = there(i, count) ? load<kLanes>(values + i) : Vector{};
      most = v > most ? v : most;
    }
    double result = 0;
    for (int lane = 0; lane < kLanes; ++lane) result = most[lane] > result ? most[lane] : result;
    return result;
  }

  static void roundings(const Rounding& of, const double* distances, const double* norms, int64_t count,
                        double* rounding) {
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vector distance = load<kLanes>(distances + i), norm = load<kLanes>(norms + i);
      const Vector squares = of.query_square + norm * norm;
      store(rounding + i, of.norm * norm + of.square * distance + of.product * magnitude(squares - distance) +
                              of.squares * squares + of.constant);
    }
  }

  static double changes(const double* weights, const double* rounding, const double* norms, int64_t count,
                        double by_rounding, double by_norm, double by_weight, double* change) {
    Vector total = {};
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vector value =
          load<kLanes>(weights + i) *
          (load<kLanes>(norms + i) * (by_rounding * load<kLanes>(rounding + i) + by_norm) + by_weight);
      store(change + i, value);
      total += there(i, count) ? value : Vector{};
    }
    return sum(total);
  }

  static double sum_up_to(const double* values, int64_t count, double limit) {
    Vector total = {};
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vector value = load<kLanes>(values + i);
      total += (value <= limit) & there(i, count) ? value : Vector{};
    }
    return sum(total);
  }

  static WeightShares divide(double* weights, const double* change, int64_t count, double negligible,
                             double largest_accepted, int32_t* list) {
    const double heaviest = most(weights, count);
    WeightShares shares;
    bool listed_heaviest = false;
    Vector accepted = {}, dropped = {};
    for (int64_t i = 0; i < count; i += kLanes) {
      Vector weight = there(i, count) ? load<kLanes>(weights + i) : Vector{};
      const Mask negligibly = weight < negligible;
      dropped += negligibly ? weight : Vector{};
      weight = negligibly ? Vector{} : weight;
      const Mask listed =
          ((load<kLanes>(change + i) > largest_accepted) & (weight > 0.0)) | (weight == heaviest);
      store(weights + i, weight);
      if (any(listed)) {
        for (int lane = 0; lane < kLanes && i + lane < count; ++lane) {
          const bool first = weight[lane] == heaviest && !listed_heaviest;
          if (!first && !(change[i + lane] > largest_accepted && weight[lane] > 0)) continue;
          listed_heaviest |= first;
          list[shares.listed++] = int32_t(i + lane);
          weight[lane] = 0;
        }
      }
      accepted += weight;
    }
    shares.accepted = sum(accepted);
    shares.dropped = sum(dropped);
    return shares;
  }

  static constexpr WeighingKernel kernel() {
    return {least, most, roundings, changes, sum_up_to, divide};
  }
};

}  // namespace pfgm::field
