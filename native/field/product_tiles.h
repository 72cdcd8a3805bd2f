// The tile arithmetic of the field by float32 products. See kernel.h.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "field/kernel.h"
#include "field/vectors.h"

namespace pfgm::field {

// For vectors of kLanes doubles or twice as many floats. kQ x kS is the register tile of the distances, kA
// queries x kV vectors of coordinates that of the weighted sum.
template <int kLanes, int kQ, int kS, int kA, int kV>
struct ProductTiles {
  static constexpr int kFloats = 2 * kLanes;
  static constexpr int kStrip = kV * kFloats;
  // A float32 sum is widened after so many terms a lane: its rounding grows with their number.
  static constexpr int64_t kChunk = 192 * kFloats;
  static constexpr int64_t kRun = 128;
  static_assert(kQueryPadding % kA == 0);

  using Floats = typename Vectors<kFloats>::Narrow;
  using Half = typename Vectors<kLanes>::Narrow;
  using Doubles = typename Vectors<kLanes>::Wide;

  static inline Floats load(const float* from) {
    Floats v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  static inline void store(float* to, Floats v) { std::memcpy(to, &v, sizeof v); }
  struct Pair {
    Doubles low, high;
  };
  static inline Pair widen(Floats v) {
    Half low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return {field::widen<kLanes>(low), field::widen<kLanes>(high)};
  }

  static void centre(const float* rows, int64_t count, int64_t dimensions, const float* centre,
                     int64_t padded, float* centred, double* squares) {
    for (int64_t i = 0; i < count; ++i) {
      const float* row = rows + i * dimensions;
      float* to = centred + i * padded;
      Doubles square = {};
      int64_t c = 0;
      for (; c + kFloats <= dimensions; c += kFloats) {
        const Floats value = load(row + c) - load(centre + c);
        store(to + c, value);
        const Pair wide = widen(value);
        square += wide.low * wide.low + wide.high * wide.high;
      }
      squares[i] = sum_lanes<kLanes>(square);
      for (; c < padded; ++c) {
        to[c] = c < dimensions ? row[c] - centre[c] : 0;
        squares[i] += double(to[c]) * to[c];
      }
    }
  }

  static void pack(const float* rows, int64_t count, int64_t dimensions, const float* centre, int64_t begin,
                   float* strip) {
    const int64_t width = begin + kStrip < dimensions ? kStrip : dimensions - begin;
    for (int64_t i = 0; i < count; ++i) {
      const float* row = rows + i * dimensions + begin;
      float* to = strip + i * kStrip;
      if (width == kStrip) {
        for (int c = 0; c < kStrip; c += kFloats) store(to + c, load(row + c) - load(centre + begin + c));
      } else {
        for (int64_t c = 0; c < kStrip; ++c) to[c] = c < width ? row[c] - centre[begin + c] : 0;
      }
    }
  }

  // products += the products of coordinates [first, last). Not inlined: the sums stay in registers only so.
  template <int kQueries, int kSources>
  PFGM_NOINLINE static void product_tile(const float* queries, const float* sources, int64_t padded,
                                         int64_t first, int64_t last, double (*products)[kSources]) {
    Floats partial[kQueries][kSources];
    for (int q = 0; q < kQueries; ++q)
      for (int s = 0; s < kSources; ++s) partial[q][s] = Floats{};
    for (int64_t c = first; c < last; c += kFloats) {
      Floats source[kSources];
      for (int s = 0; s < kSources; ++s) source[s] = load(sources + s * padded + c);
      for (int q = 0; q < kQueries; ++q) {
        const Floats query = load(queries + q * padded + c);
        for (int s = 0; s < kSources; ++s) partial[q][s] += query * source[s];
      }
    }
    for (int q = 0; q < kQueries; ++q)
      for (int s = 0; s < kSources; ++s) {
        const Pair wide = widen(partial[q][s]);
        products[q][s] += sum_lanes<kLanes>(wide.low + wide.high);
      }
  }

  template <int kQueries, int kSources>
  static inline void distance_tile(const float* queries, const double* query_squares, const float* sources,
                                   const double* source_squares, int64_t padded, double* out) {
    double products[kQueries][kSources] = {};
    for (int64_t c = 0; c < padded; c += kChunk)
      product_tile<kQueries, kSources>(queries, sources, padded, c, c + kChunk < padded ? c + kChunk : padded,
                                       products);
    for (int q = 0; q < kQueries; ++q)
      for (int s = 0; s < kSources; ++s) {
        const double square = query_squares[q] + source_squares[s] - 2 * products[q][s];
        out[q * kSourceBlock + s] = square > 0 ? square : 0;
      }
  }

  static void distances(const float* queries, const double* query_squares, int64_t query_count,
                        const float* sources, const double* source_squares, int64_t source_count,
                        int64_t padded, double* out) {
    int64_t s = 0;
    for (; s + kS <= source_count; s += kS)
      distances_to<kS>(queries, query_squares, query_count, sources + s * padded, source_squares + s, padded,
                       out + s);
    for (; s < source_count; ++s)
      distances_to<1>(queries, query_squares, query_count, sources + s * padded, source_squares + s, padded,
                      out + s);
  }

  template <int kSources>
  static void distances_to(const float* queries, const double* query_squares, int64_t query_count,
                           const float* sources, const double* source_squares, int64_t padded, double* out) {
    int64_t q = 0;
    for (; q + kQ <= query_count; q += kQ)
      distance_tile<kQ, kSources>(queries + q * padded, query_squares + q, sources, source_squares, padded,
                                  out + q * kSourceBlock);
    for (; q < query_count; ++q)
      distance_tile<1, kSources>(queries + q * padded, query_squares + q, sources, source_squares, padded,
                                 out + q * kSourceBlock);
  }

  static void subtract(const float* strip, const int32_t* list, int64_t count, const float* weights,
                       int64_t width, double* const* sums) {
    for (int64_t first = 0; first < count; first += kRun) {
      const int64_t last = first + kRun < count ? first + kRun : count;
      Floats total[kA][kV];
      for (int q = 0; q < kA; ++q)
        for (int v = 0; v < kV; ++v) total[q][v] = Floats{};
      for (int64_t i = first; i < last; ++i) {
        const float* row = strip + list[i] * kStrip;
        Floats source[kV];
        for (int v = 0; v < kV; ++v) source[v] = load(row + v * kFloats);
        for (int q = 0; q < kA; ++q)
          for (int v = 0; v < kV; ++v) total[q][v] += weights[i * kA + q] * source[v];
      }
      for (int q = 0; q < kA; ++q) {
        float run[kStrip];
        for (int v = 0; v < kV; ++v) store(run + v * kFloats, total[q][v]);
        for (int64_t c = 0; c < width; ++c) sums[q][c] -= double(run[c]);
      }
    }
  }

  static constexpr ProductKernel kernel() {
    return {kFloats, kA, kS, kStrip, centre, distances, pack, subtract};
  }
};

}  // namespace pfgm::field
