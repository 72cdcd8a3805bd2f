#include "field/sources.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "runtime/grain.h"

namespace pfgm::field {

const float* Sources::rows(int64_t first, int64_t size, float* room) const {
  if (in_place()) return values + first * dimensions;
  at::parallel_for(0, size, grain(dimensions), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t source = first + i, from = source % items * dimensions;
      float* row = room + i * dimensions;
      if (pixels) {
        for (int64_t c = 0; c < dimensions; ++c) row[c] = float(pixels[from + c]) / 127.5f - 1.0f;
      } else {
        std::copy_n(values + from, dimensions, row);
      }
      if (source < items) continue;
      for (int64_t line = 0; line < dimensions; line += width) std::reverse(row + line, row + line + width);
    }
  });
  return room;
}

}  // namespace pfgm::field
