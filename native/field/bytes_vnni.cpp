#include <cstring>

#include "field/byte_vectors.h"

namespace pfgm::field {
namespace {

void multiply(const uint8_t* left, int64_t stride, int64_t rows, const int8_t* right, int64_t tiles,
              int64_t steps, int32_t* out, int64_t out_stride) {
  constexpr int kRows = 8;
  static_assert(kByteGroup % kRows == 0);
  for (int64_t r = 0; r < rows; r += kRows)
    for (int64_t t = 0; t < tiles; t += 2) {
      const int8_t* first = right + t * steps * kByteTile;
      const int8_t* second = first + steps * kByteTile;
      __m512i sums[kRows][2];
      for (int i = 0; i < kRows; ++i) sums[i][0] = sums[i][1] = _mm512_setzero_si512();
      for (int64_t k = 0; k < steps * kByteStep; k += 4) {
        const __m512i b0 = _mm512_loadu_si512(first + k * kByteColumns),
                      b1 = _mm512_loadu_si512(second + k * kByteColumns);
        for (int i = 0; i < kRows; ++i) {
          int32_t four;
          std::memcpy(&four, left + (r + i) * stride + k, 4);
          const __m512i a = _mm512_set1_epi32(four);
          sums[i][0] = _mm512_dpbusd_epi32(sums[i][0], a, b0);
          sums[i][1] = _mm512_dpbusd_epi32(sums[i][1], a, b1);
        }
      }
      for (int i = 0; i < kRows; ++i)
        for (int j = 0; j < 2; ++j)
          _mm512_storeu_si512(out + (r + i) * out_stride + (t + j) * kByteColumns, sums[i][j]);
    }
}

}  // namespace

const ByteKernel kVnniBytes = byte_kernel_of(multiply);

}  // namespace pfgm::field
