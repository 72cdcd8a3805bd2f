// What every instruction set compiles the same way for the field by products of bytes. See byte_kernel.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "field/byte_kernel.h"
#include "field/kernel.h"
#include "field/sources.h"

namespace pfgm::field {

// The obvious form of each, and all that a machine without faster instructions has.
// All are static: the linker must not share them between instruction sets.
static inline void values_of_pixels(const uint8_t* pixels, int64_t count, float* values) {
  for (int64_t c = 0; c < count; ++c) values[c] = pixel_value(pixels[c]);
}

static inline PixelSums sums_of_pixels(const uint8_t* pixels, int64_t dimensions) {
  constexpr int64_t kRun = 4096;  // what 32 bits can sum
  PixelSums sums;
  for (int64_t begin = 0; begin < dimensions; begin += kRun) {
    const int64_t end = begin + kRun < dimensions ? begin + kRun : dimensions;
    int32_t first = 0, square = 0, steps = 0, product = 0;
    for (int64_t c = begin; c < end; ++c) {
      const int32_t v = pixels[c], t = (v >= 64) + (v >= 128);
      first += v;
      square += v * v;
      steps += t;
      product += t * v;
    }
    sums.v += first;
    sums.vv += square;
    sums.t += steps;
    sums.tv += product;
  }
  return sums;
}

static inline double joined(const int32_t* digit, int64_t stride) {
  return double(digit[0]) + 0x1p8 * double(digit[stride]) + 0x1p16 * double(digit[2 * stride]) +
         0x1p24 * double(digit[3 * stride]);
}

static inline void distances_of_products(const int32_t* products, int64_t rows, const ByteQueries& queries,
                                         const ByteRows& row, double* distances) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t half = 0; half < kByteGroup; half += kByteColumns) {
      const int32_t* digits = products + (r * kByteGroup + half) * kDigits;
      double square[kByteColumns];
      for (int64_t j = 0; j < kByteColumns; ++j) {
        const int64_t q = half + j;
        const double value =
            queries.square[q] + row.square[r] + row.sum[r] * queries.sum[q] -
            row.slope[r] * (queries.unit[q] * joined(digits + j, kByteColumns) - queries.offset[q]);
        square[j] = value > 0 ? value : 0;
      }
      for (int64_t j = 0; j < kByteColumns; ++j) distances[(half + j) * kSourceBlock + r] = square[j];
    }
}

static inline double digits_of_weights(const double* weights, int64_t count, double per_unit, uint8_t* digits,
                                       int64_t stride) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t number = int64_t(weights[i] * per_unit + 0.5);
    digits[i] = uint8_t(number);
    digits[stride + i] = uint8_t(number >> 8);
    digits[2 * stride + i] = uint8_t(number >> 16);
    digits[3 * stride + i] = uint8_t(number >> 24);
    sum += double(number);
  }
  return sum;
}

static inline void dots_of_weights(const double* weights, const double* a, const double* b, int64_t count,
                                   double* dots) {
  dots[0] = dots[1] = 0;
  for (int64_t i = 0; i < count; ++i) {
    dots[0] += weights[i] * a[i];
    dots[1] += weights[i] * b[i];
  }
}

static inline void subtract_products(const int32_t* products, int64_t digit_stride, int64_t count,
                                     double unit, double constant, double* sums) {
  for (int64_t c = 0; c < count; ++c) sums[c] -= unit * joined(products + c, digit_stride) + constant;
}

}  // namespace pfgm::field
