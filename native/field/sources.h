// The sources of a field, in memory or in a mapped file: read a block at a time as float32 rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

namespace pfgm::field {

struct Sources {
  const float* values = nullptr;    // [items, dimensions], or
  const uint8_t* pixels = nullptr;  // the same as pixels v, which stand for v / 127.5 - 1
  int64_t items = 0;
  int64_t dimensions = 0;
  int64_t width = 0;  // above 0: every item is a source a second time, each row of that width mirrored

  int64_t count() const { return width ? 2 * items : items; }
  bool in_place() const { return values && !width; }

  // How many rows to take at once, at most: few where they have to be written elsewhere.
  int64_t block(int64_t most) const {
    return in_place() ? most : std::clamp<int64_t>((1 << 19) / dimensions, 1, most);
  }

  // Room for so many rows, or none where rows are used in place.
  std::unique_ptr<float[]> room(int64_t rows) const {
    return std::unique_ptr<float[]>(in_place() ? nullptr : new float[rows * dimensions]);
  }
  // Rows [first, first + size): where they are, or written to the room.
  const float* rows(int64_t first, int64_t size, float* room) const;
  // The same of pixels; they are used in place where nothing is mirrored.
  const uint8_t* pixel_rows(int64_t first, int64_t size, uint8_t* room) const;
};

// v / 127.5 - 1 in float32, without the division: 2^24 times it is 131,586 v - 2^24 + (v >= 64) + (v >= 128),
// which float32 holds exactly.
static inline float pixel_value(uint8_t pixel) {
  const int32_t v = pixel;
  return float(131586 * v - (1 << 24) + (v >= 64) + (v >= 128)) * 0x1p-24f;
}

}  // namespace pfgm::field
