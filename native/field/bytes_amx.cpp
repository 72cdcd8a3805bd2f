#include "field/byte_vectors.h"
#include "runtime/matrix_unit.h"

namespace pfgm::field {
namespace {

// Sums are in tiles 0 to 3: two sixteens of rows by two tiles of columns.
void multiply(const uint8_t* left, int64_t stride, int64_t rows, const int8_t* right, int64_t tiles,
              int64_t steps, int32_t* out, int64_t out_stride) {
  _tile_loadconfig(&kTiles);
  for (int64_t r = 0; r < rows; r += 32)
    for (int64_t t = 0; t < tiles; t += 2) {
      const uint8_t* upper = left + r * stride;
      const uint8_t* lower = upper + 16 * stride;
      const int8_t* first = right + t * steps * kByteTile;
      const int8_t* second = first + steps * kByteTile;
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int64_t step = 0; step < steps; ++step) {
        _tile_loadd(4, upper + step * kByteStep, stride);
        _tile_loadd(6, first + step * kByteTile, 64);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(7, second + step * kByteTile, 64);
        _tile_dpbusd(1, 4, 7);
        _tile_loadd(5, lower + step * kByteStep, stride);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
      }
      int32_t* to = out + r * out_stride + t * kByteColumns;
      _tile_stored(0, to, out_stride * 4);
      _tile_stored(1, to + 16, out_stride * 4);
      _tile_stored(2, to + 16 * out_stride, out_stride * 4);
      _tile_stored(3, to + 16 * out_stride + 16, out_stride * 4);
    }
  _tile_release();
}

}  // namespace

const ByteKernel kAmxBytes = byte_kernel_of(multiply);

}  // namespace pfgm::field
