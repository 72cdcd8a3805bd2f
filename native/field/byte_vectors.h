// The parts of the field by products of bytes that AVX-512 does faster than what a compiler makes of
// byte_tiles.h. See byte_kernel.h.
#pragma once

#include <immintrin.h>

#include "field/byte_tiles.h"
#include "field/vectors.h"

namespace pfgm::field {

// GCC 12's own reductions, and what it does without a mask, warn of values that are not set.
template <class Lane>
static inline int64_t sum_of(__m512i v) {
  alignas(64) Lane lanes[64 / sizeof(Lane)];
  _mm512_store_si512(lanes, v);
  int64_t sum = 0;
  for (const Lane lane : lanes) sum += lane;
  return sum;
}

// Four rows of 64 pixels become four vectors of sixteen columns with four rows each.
static inline void pack_pixels(const uint8_t* pixels, int64_t stride, int64_t steps, int8_t* tiles) {
  const __m512i sign = _mm512_set1_epi8(char(0x80));
  for (int64_t group = 0; group < steps * kByteStep / 4; ++group) {
    __m512i row[4];
    for (int j = 0; j < 4; ++j)
      row[j] = _mm512_xor_si512(_mm512_loadu_si512(pixels + (4 * group + j) * stride), sign);
    const __m512i low01 = _mm512_unpacklo_epi8(row[0], row[1]), high01 = _mm512_unpackhi_epi8(row[0], row[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(row[2], row[3]), high23 = _mm512_unpackhi_epi8(row[2], row[3]);
    // Lane l of quarter j has columns 16 l + 4 j to 16 l + 4 j + 3.
    const __m512i quarter[4] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                                _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
    const __m512i a = _mm512_maskz_shuffle_i32x4(0xffff, quarter[0], quarter[1], 0x44),  // lanes 0 1 of both
        b = _mm512_maskz_shuffle_i32x4(0xffff, quarter[0], quarter[1], 0xee),            // lanes 2 3
        c = _mm512_maskz_shuffle_i32x4(0xffff, quarter[2], quarter[3], 0x44),
                  d = _mm512_maskz_shuffle_i32x4(0xffff, quarter[2], quarter[3], 0xee);
    int8_t* to = tiles + group * kByteStep;
    const int64_t tile = steps * kByteTile;
    _mm512_storeu_si512(to, _mm512_maskz_shuffle_i32x4(0xffff, a, c, 0x88));
    _mm512_storeu_si512(to + tile, _mm512_maskz_shuffle_i32x4(0xffff, a, c, 0xdd));
    _mm512_storeu_si512(to + 2 * tile, _mm512_maskz_shuffle_i32x4(0xffff, b, d, 0x88));
    _mm512_storeu_si512(to + 3 * tile, _mm512_maskz_shuffle_i32x4(0xffff, b, d, 0xdd));
  }
}

static inline PixelSums vector_sums_of_pixels(const uint8_t* pixels, int64_t dimensions) {
  const __m512i ones = _mm512_set1_epi8(1), sign = _mm512_set1_epi8(char(0x80)),
                quarter = _mm512_set1_epi8(64);
  constexpr int64_t kRun = 1 << 16;  // what 32 bits can sum
  PixelSums sums;
  for (int64_t begin = 0; begin < dimensions; begin += kRun) {
    const int64_t end = begin + kRun < dimensions ? begin + kRun : dimensions;
    __m512i v_sum = _mm512_setzero_si512(), product = v_sum, tv = v_sum;
    for (int64_t c = begin; c < end; c += kByteStep) {
      const __mmask64 there = end - c < kByteStep ? (__mmask64(1) << (end - c)) - 1 : ~__mmask64(0);
      const __m512i v = _mm512_maskz_loadu_epi8(there, pixels + c);
      const __mmask64 from_64 = _mm512_cmpge_epu8_mask(v, quarter),
                      from_128 = _mm512_cmpge_epu8_mask(v, sign);
      v_sum = _mm512_dpbusd_epi32(v_sum, v, ones);
      product = _mm512_dpbusd_epi32(product, v, _mm512_xor_si512(v, sign));  // v (v - 128)
      tv = _mm512_dpbusd_epi32(tv, _mm512_maskz_mov_epi8(from_64, v), ones);
      tv = _mm512_dpbusd_epi32(tv, _mm512_maskz_mov_epi8(from_128, v), ones);
      sums.t += __builtin_popcountll(from_64) + __builtin_popcountll(from_128);
    }
    const int64_t run = sum_of<int32_t>(v_sum);
    sums.v += run;
    sums.vv += sum_of<int32_t>(product) + 128 * run;
    sums.tv += sum_of<int32_t>(tv);
  }
  return sums;
}

// Of eight sums.
static inline __m512d joined_vector(const int32_t* digit, int64_t stride) {
  __m512d value = _mm512_setzero_pd();
  for (int64_t d = kDigits - 1; d >= 0; --d)
    value =
        _mm512_fmadd_pd(value, _mm512_set1_pd(256),
                        _mm512_maskz_cvtepi32_pd(
                            0xff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(digit + d * stride))));
  return value;
}

// Eight rows of eight become columns.
static inline void transpose(__m512d (&row)[8]) {
  __m512d pair[8], four[8];
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm512_maskz_unpacklo_pd(0xff, row[i], row[i + 1]);
    pair[i + 1] = _mm512_maskz_unpackhi_pd(0xff, row[i], row[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      four[i + j] = _mm512_maskz_shuffle_f64x2(0xff, pair[i + j], pair[i + j + 2], 0x88);
      four[i + j + 2] = _mm512_maskz_shuffle_f64x2(0xff, pair[i + j], pair[i + j + 2], 0xdd);
    }
  for (int j = 0; j < 4; ++j) {
    row[j] = _mm512_maskz_shuffle_f64x2(0xff, four[j], four[j + 4], 0x88);
    row[j + 4] = _mm512_maskz_shuffle_f64x2(0xff, four[j], four[j + 4], 0xdd);
  }
}

static inline void vector_distances_of_products(const int32_t* products, int64_t rows,
                                                const ByteQueries& queries, const ByteRows& row,
                                                double* distances) {
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8)
    for (int64_t q = 0; q < kByteGroup; q += 8) {
      const __m512d square = _mm512_loadu_pd(queries.square + q), sum = _mm512_loadu_pd(queries.sum + q),
                    unit = _mm512_loadu_pd(queries.unit + q), offset = _mm512_loadu_pd(queries.offset + q);
      __m512d value[8];
      for (int64_t i = 0; i < 8; ++i) {
        const int32_t* digits = products + ((r + i) * kByteGroup + q / kByteColumns * kByteColumns) * kDigits;
        const __m512d product =
            _mm512_fmsub_pd(unit, joined_vector(digits + q % kByteColumns, kByteColumns), offset);
        const __m512d rest = _mm512_fmadd_pd(_mm512_set1_pd(row.sum[r + i]), sum,
                                             _mm512_add_pd(square, _mm512_set1_pd(row.square[r + i])));
        value[i] = _mm512_maskz_max_pd(
            0xff, _mm512_fnmadd_pd(_mm512_set1_pd(row.slope[r + i]), product, rest), _mm512_setzero_pd());
      }
      transpose(value);
      for (int64_t j = 0; j < 8; ++j) _mm512_storeu_pd(distances + (q + j) * kSourceBlock + r, value[j]);
    }
  if (r < rows)
    distances_of_products(products + r * kByteGroup * kDigits, rows - r, queries,
                          {row.square + r, row.sum + r, row.slope + r}, distances + r);
}

static inline double vector_digits_of_weights(const double* weights, int64_t count, double per_unit,
                                              uint8_t* digits, int64_t stride) {
  __m512i sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < count; i += 8) {
    const __mmask8 there = count - i < 8 ? __mmask8((1 << (count - i)) - 1) : __mmask8(0xff);
    const __m512i number = _mm512_maskz_cvtpd_epi64(
        0xff, _mm512_mul_pd(_mm512_maskz_loadu_pd(there, weights + i), _mm512_set1_pd(per_unit)));
    sum = _mm512_add_epi64(sum, number);
    for (int64_t d = 0; d < kDigits; ++d)
      _mm512_mask_cvtepi64_storeu_epi8(digits + d * stride + i, there,
                                       _mm512_maskz_srli_epi64(0xff, number, unsigned(8 * d)));
  }
  return double(sum_of<int64_t>(sum));
}

static inline void vector_dots(const double* weights, const double* a, const double* b, int64_t count,
                               double* dots) {
  __m512d by_a = _mm512_setzero_pd(), by_b = _mm512_setzero_pd();
  for (int64_t i = 0; i < count; i += 8) {
    const __mmask8 there = count - i < 8 ? __mmask8((1 << (count - i)) - 1) : __mmask8(0xff);
    const __m512d weight = _mm512_maskz_loadu_pd(there, weights + i);
    by_a = _mm512_fmadd_pd(weight, _mm512_maskz_loadu_pd(there, a + i), by_a);
    by_b = _mm512_fmadd_pd(weight, _mm512_maskz_loadu_pd(there, b + i), by_b);
  }
  dots[0] = sum_lanes<8>((Vectors<8>::Wide)by_a);
  dots[1] = sum_lanes<8>((Vectors<8>::Wide)by_b);
}

// All but the products themselves.
static constexpr ByteKernel byte_kernel_of(decltype(ByteKernel::multiply) multiply) {
  return {multiply,
          pack_pixels,
          values_of_pixels,
          vector_sums_of_pixels,
          vector_distances_of_products,
          vector_digits_of_weights,
          vector_dots,
          subtract_products};
}

}  // namespace pfgm::field
