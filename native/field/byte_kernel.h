// What an instruction set offers for the field by products of bytes, with no dependency on torch.
//
// A product of two matrices of bytes is summed exactly in 32 bits. Its right side is packed in tiles of 16
// columns: of every 64 rows ("a step") first the rows 0 to 3 of each column, then the rows 4 to 7, …, so that
// what one instruction multiplies and sums lies together.
#pragma once

#include <cstdint>

namespace pfgm::field {

constexpr int64_t kByteStep = 64;     // bytes of a row that pass at once
constexpr int64_t kByteColumns = 16;  // columns of a tile
constexpr int64_t kByteTile = kByteStep * kByteColumns;
constexpr int64_t kByteGroup = 32;          // rows on the left, and queries, are a multiple of this
constexpr int64_t kByteDimensions = 65536;  // 32 bits sum products of so many
// Numbers are split into so many bytes, the lowest first.
constexpr int64_t kDigits = 4;

// Of one row of pixels v, with t = (v >= 64) + (v >= 128): see byte_products.h.
struct PixelSums {
  int64_t v = 0, vv = 0, t = 0, tv = 0;
};

struct ByteQueries {
  const double *square, *sum, *unit, *offset;
};
struct ByteRows {
  const double *square, *sum, *slope;
};

struct ByteKernel {
  // out[r * out_stride + 16 t + c] = sum_k left[r * stride + k] right[t](k, c), for k < 64 steps; the number
  // of tiles is even.
  void (*multiply)(const uint8_t* left, int64_t stride, int64_t rows, const int8_t* right, int64_t tiles,
                   int64_t steps, int32_t* out, int64_t out_stride);

  // Packs 64 columns of so many steps of pixels v as four tiles of v - 128.
  void (*pack)(const uint8_t* pixels, int64_t stride, int64_t steps, int8_t* tiles);

  void (*values)(const uint8_t* pixels, int64_t count, float* values);

  PixelSums (*sums)(const uint8_t* pixels, int64_t dimensions);

  // Squared distances of a group of queries to some rows, from the products of the queries' digits:
  //   distances[q * kSourceBlock + r] = square[q] + row.square[r] + row.sum[r] sum[q]
  //                                     - row.slope[r] (unit[q] products[r, q] - offset[q]), or 0 if negative
  // products: of a row those of 16 queries, digit after digit, then those of the other 16.
  void (*distances)(const int32_t* products, int64_t rows, const ByteQueries& queries, const ByteRows& row,
                    double* distances);

  // Weights as digits of the whole number next to w per_unit, digit d at digits[d * stride]: returns the
  // numbers' sum.
  double (*digits)(const double* weights, int64_t count, double per_unit, uint8_t* digits, int64_t stride);

  // sum w a and sum w b
  void (*dots)(const double* weights, const double* a, const double* b, int64_t count, double* dots);

  // sums[c] -= unit (products of the digits)[c] + constant
  void (*subtract)(const int32_t* products, int64_t digit_stride, int64_t count, double unit, double constant,
                   double* sums);
};

extern const ByteKernel kPortableBytes, kVnniBytes, kAmxBytes;

}  // namespace pfgm::field
