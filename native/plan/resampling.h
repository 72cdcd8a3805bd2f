// An image resampled by a filter, for one instruction set.
#pragma once

#include "plan/source.h"

namespace pfgm::plan {
namespace {

inline int64_t resampling_scratch(const Resampling& r) {
  return r.in.height * r.in.width * kPanel + 2 * channels(r.in);
}

// A panel of an image.
inline void resample(const Resampling& r, int64_t image, int64_t panel, float* scratch) {
  const int64_t pitch = r.out.channels, first = panel * kPanel, pixels = r.height * r.width;
  float* const scales = scratch;
  float* const in = scratch + 2 * channels(r.in);
  if (r.in.norm.groups) normalisation(r.in, image, scales);
  const Source source(r.in, image, panel, scales);
  for (int64_t y = 0; y < r.in.height; ++y) source.row(y, r.in.width, in + y * r.in.width * kPanel, kPanel);
  float* const out = r.out.values + image * pixels * pitch + first;
  const float* const skip = r.skip.channels ? r.skip.values + image * pixels * pitch + first : nullptr;
  for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
    Wide sum{}, squares{};
    for (int64_t y = 0; y < r.height; ++y)
      for (int64_t x = 0; x < r.width; ++x) {
        const Tap &down = r.rows[y], &across = r.columns[x];
        Lanes value{};
        for (int64_t i = 0; i < down.count; ++i) {
          const float* const row = in + ((down.first + i) * r.in.width + across.first) * kPanel + lane;
          Lanes part{};
          for (int64_t k = 0; k < across.count; ++k) part += load(row + k * kPanel) * across.weights[k];
          value += part * down.weights[i];
        }
        const int64_t at = (y * r.width + x) * pitch + lane;
        if (skip) value += load(skip + at);
        value *= r.factor;
        store(out + at, value);
        const Wide exact = __builtin_convertvector(value, Wide);
        sum += exact;
        squares += exact * exact;
      }
    if (!r.out.sums.values) continue;
    double* const sums = r.out.sums.values + image * 2 * pitch + first + lane;
    std::memcpy(sums, &sum, sizeof sum);
    std::memcpy(sums + pitch, &squares, sizeof squares);
  }
}

}  // namespace
}  // namespace pfgm::plan
