#include "field/sources.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "runtime/grain.h"

namespace pfgm::field {

namespace {

// Rows [first, first + size), each written by write(item, row), and mirrored where it is its item's second
// time.
template <class Number, class Write>
Number* written(const Sources& sources, int64_t first, int64_t size, Number* room, const Write& write) {
  const int64_t dimensions = sources.dimensions, width = sources.width;
  at::parallel_for(0, size, grain(dimensions), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t source = first + i;
      Number* row = room + i * dimensions;
      write(source % sources.items, row);
      if (source < sources.items) continue;
      for (int64_t line = 0; line < dimensions; line += width) std::reverse(row + line, row + line + width);
    }
  });
  return room;
}

}  // namespace

const float* Sources::rows(int64_t first, int64_t size, float* room) const {
  if (in_place()) return values + first * dimensions;
  return written(*this, first, size, room, [this](int64_t item, float* row) {
    const int64_t from = item * dimensions;
    if (pixels) {
      for (int64_t c = 0; c < dimensions; ++c) row[c] = pixel_value(pixels[from + c]);
    } else {
      std::copy_n(values + from, dimensions, row);
    }
  });
}

const uint8_t* Sources::pixel_rows(int64_t first, int64_t size, uint8_t* room) const {
  if (first + size <= items) return pixels + first * dimensions;
  return written(*this, first, size, room, [this](int64_t item, uint8_t* row) {
    std::copy_n(pixels + item * dimensions, dimensions, row);
  });
}

}  // namespace pfgm::field
