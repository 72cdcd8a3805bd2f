#include "field/byte_tiles.h"

namespace pfgm::field {
namespace {

// Where a tile has row k of a column.
int64_t packed_at(int64_t k, int64_t column) {
  return k / 4 * 4 * kByteColumns + column * 4 + k % 4;
}

void multiply(const uint8_t* left, int64_t stride, int64_t rows, const int8_t* right, int64_t tiles,
              int64_t steps, int32_t* out, int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t t = 0; t < tiles; ++t)
      for (int64_t c = 0; c < kByteColumns; ++c) {
        int32_t sum = 0;
        for (int64_t k = 0; k < steps * kByteStep; ++k)
          sum += left[r * stride + k] * right[t * steps * kByteTile + packed_at(k, c)];
        out[r * out_stride + t * kByteColumns + c] = sum;
      }
}

void pack(const uint8_t* pixels, int64_t stride, int64_t steps, int8_t* tiles) {
  for (int64_t k = 0; k < steps * kByteStep; ++k)
    for (int64_t c = 0; c < 4 * kByteColumns; ++c)
      tiles[c / kByteColumns * steps * kByteTile + packed_at(k, c % kByteColumns)] =
          int8_t(int(pixels[k * stride + c]) - 128);
}

}  // namespace

const ByteKernel kPortableBytes{multiply,
                                pack,
                                values_of_pixels,
                                sums_of_pixels,
                                distances_of_products,
                                digits_of_weights,
                                dots_of_weights,
                                subtract_products};

}  // namespace pfgm::field
