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
        for (int64_t c = 0; c < dimensions; ++c) row[c] = pixel_value(pixels[from + c]);
      } else {
        std::copy_n(values + from, dimensions, row);
      }
      if (source < items) continue;
      for (int64_t line = 0; line < dimensions; line += width) std::reverse(row + line, row + line + width);
    }
  });
  return room;
}

const uint8_t* Sources::pixel_rows(int64_t first, int64_t size, uint8_t* room) const {
  if (first + size <= items) return pixels + first * dimensions;
  at::parallel_for(0, size, grain(dimensions), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t source = first + i;
      uint8_t* row = room + i * dimensions;
      std::copy_n(pixels + source % items * dimensions, dimensions, row);
      if (source < items) continue;
      for (int64_t line = 0; line < dimensions; line += width) std::reverse(row + line, row + line + width);
    }
  });
  return room;
}

}  // namespace pfgm::field
