// Attention over the positions of an image, for one instruction set.
#pragma once

#include <cmath>

#include "plan/product.h"

namespace pfgm::plan {
namespace {

constexpr int64_t kQueries = 48;  // positions whose weights are made at a time

inline int64_t attention_scratch(const Attention& a) {
  return padded(a.positions) * a.width + kQueries * padded(a.positions) + kQueries * padded(a.width);
}

// A head of an image, for the positions first to last - 1.
inline void attend(const Attention& a, int64_t image, int64_t head, int64_t first, int64_t last,
                   float* scratch) {
  const int64_t channels = a.out.channels, pitch = a.in.channels, wide = padded(a.positions);
  const float* const query = a.in.values + image * a.positions * pitch + head * a.width;
  const float *const key = query + channels, *const value = key + channels;
  float* const keys = scratch;                     // in panels of positions: [panels, width, kPanel]
  float* const weights = keys + wide * a.width;    // [queries, wide]
  float* const mixed = weights + kQueries * wide;  // [queries, width]
  for (int64_t position = 0; position < wide; ++position)
    for (int64_t c = 0; c < a.width; ++c)
      keys[position / kPanel * a.width * kPanel + c * kPanel + position % kPanel] =
          position < a.positions ? key[position * pitch + c] : 0;
  for (; first < last; first += kQueries) {
    const int64_t queries = std::min(kQueries, last - first);
    product<Float32>(queries, wide / kPanel, a.width, {query + first * pitch, pitch},
                     {keys, kPanel, a.width * kPanel}, {weights, wide});
    float totals[kQueries];
    for (int64_t q = 0; q < queries; ++q) {
      float* const row = weights + q * wide;
      for (int64_t p = a.positions; p < wide; ++p) row[p] = -INFINITY;
      Lanes most = load(row);
      for (int64_t p = kLanes; p < wide; p += kLanes) {
        const Lanes other = load(row + p);
        most = other > most ? other : most;
      }
      float greatest = most[0];
      for (int lane = 1; lane < kLanes; ++lane) greatest = std::max(greatest, most[lane]);
      Lanes sum{};
      for (int64_t p = 0; p < wide; p += kLanes) {
        Lanes weight = exponential((load(row + p) - greatest) * a.scale);
        store(row + p, weight);
        if (p + kLanes > a.positions)
          for (int lane = 0; lane < kLanes; ++lane)
            if (p + lane >= a.positions) weight[lane] = 0;
        sum += weight;
      }
      totals[q] = 0;
      for (int lane = 0; lane < kLanes; ++lane) totals[q] += sum[lane];
    }
    product<Float32>(queries, a.width / kPanel, a.positions, {weights, wide}, {value, pitch, kPanel},
                     {mixed, a.width});
    for (int64_t q = 0; q < queries; ++q) {
      float* const to = a.out.values + (image * a.positions + first + q) * channels + head * a.width;
      const float share = 1 / totals[q];
      for (int64_t c = 0; c < a.width; c += kLanes) store(to + c, load(mixed + q * a.width + c) * share);
    }
  }
}

}  // namespace
}  // namespace pfgm::plan
