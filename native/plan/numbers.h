// The numbers that products are made of, for one instruction set.
#pragma once

#include "plan/lanes.h"
#include "plan/step.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace pfgm::plan {
namespace {

// As many numbers of each side are multiplied at a step of a product, in so many parts.
struct Float32 {
  static constexpr Precision kPrecision = Precision::kFloat32;
  static constexpr int kTogether = 1, kParts = 1;
  static constexpr int64_t kDepth = kPanel;  // that rows of values are filled up to a multiple of, with zeros
  static constexpr int64_t kRowsRead = 1;    // that they are read, and products written, in so many at once
  // Numbers that are summed before they join the sum of those before them: rounding grows with the root of a
  // sum's length.
  static constexpr int64_t kRun = 16;
  using Value = float;  // of what weights are multiplied with
  using Weight = float;
  using Row = Lanes;

  static void put(Value* to, Lanes values) { store(to, values); }
  static void pack(const float* from, int64_t, Weight* to) { std::memcpy(to, from, sizeof(float) * kPanel); }
  static Row row(const Weight* from, int) { return load(from); }
  static float value(const Value* from, int) { return *from; }
  static Lanes add(Lanes sum, Row row, float value) { return sum + row * value; }
};

// Rounded to the nearest bfloat16, ties to even.
inline Lanes rounded(Lanes values) {
  IntegerLanes bits;
  std::memcpy(&bits, &values, sizeof bits);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) & int32_t(0xffff0000);
  Lanes nearest;
  std::memcpy(&nearest, &bits, sizeof nearest);
  return values == values ? nearest : values;
}

// Two inputs' weights for an output.
struct Pair {
  uint16_t first, second;
};

inline uint16_t upper_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return uint16_t(bits >> 16);
}

struct Bfloat16 {
  static constexpr Precision kPrecision = Precision::kBfloat16;
  static constexpr int kTogether = 2;
#if defined(__AMX_BF16__)
  static constexpr int64_t kDepth = kTileDepth, kRowsRead = kTileRows;
#else
  static constexpr int64_t kDepth = kPanel, kRowsRead = 1;
#endif
  static constexpr int64_t kRun = 512;  // what is rounded before is off by more than sums are
  using Weight = Pair;

  // Of two inputs, `apart` from each other.
  static void pack(const float* from, int64_t apart, Weight* to) {
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      const Lanes first = rounded(load(from + lane)), second = rounded(load(from + apart + lane));
      for (int i = 0; i < kLanes; ++i) to[lane + i] = {upper_half(first[i]), upper_half(second[i])};
    }
  }

#if defined(__AVX512BF16__)
  static constexpr int kParts = 1;
  using Value = uint16_t;
  using Row = __m512bh;

  static void put(Value* to, Lanes values) {
    const __m256bh halves = _mm512_cvtneps_pbh(values);
    std::memcpy(to, &halves, sizeof halves);
  }
  static Row row(const Weight* from, int) {
    Row row;
    std::memcpy(&row, from, sizeof row);
    return row;
  }
  static Row value(const Value* from, int) {
    int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return Row(_mm512_set1_epi32(pair));
  }
  static Lanes add(Lanes sum, Row row, Row value) {
    return _mm512_dpbf16_ps(sum, row, value);
  }
#else
  // A bfloat16 is the upper half of a float.
  static constexpr int kParts = 2;
  using Value = float;
  using Row = Lanes;

  static void put(Value* to, Lanes values) {
    store(to, rounded(values));
  }
  static Row row(const Weight* from, int part) {
    IntegerLanes pairs;
    std::memcpy(&pairs, from, sizeof pairs);
    pairs = part == 0 ? pairs << 16 : pairs & int32_t(0xffff0000);
    Lanes row;
    std::memcpy(&row, &pairs, sizeof row);
    return row;
  }
  static float value(const Value* from, int part) {
    return from[part];
  }
  static Lanes add(Lanes sum, Row row, float value) {
    return sum + row * value;
  }
#endif
};

template <class Run>
void with_numbers(Precision precision, Run run) {
  if (precision == Precision::kFloat32)
    run(Float32{});
  else
    run(Bfloat16{});
}

}  // namespace
}  // namespace pfgm::plan
