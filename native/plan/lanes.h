// Vectors of floats for whichever instruction set the including file is compiled for.
#pragma once

#include <cstdint>
#include <cstring>

namespace pfgm::plan {
namespace {  // each instruction set has its own; the linker must not share them

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Lanes __attribute__((vector_size(kLanes * 4)));
typedef double Wide __attribute__((vector_size(kLanes * 8)));
typedef int32_t IntegerLanes __attribute__((vector_size(kLanes * 4)));

inline Lanes load(const float* from) {
  Lanes v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(float* to, Lanes v) {
  std::memcpy(to, &v, sizeof v);
}

inline Lanes lanes(float value) {
  return value - Lanes{};
}

// exp(x) to about a unit in the last place, x taken as from -87 to 88.
inline Lanes exponential(Lanes x) {
  x = x < lanes(-87) ? lanes(-87) : x;
  x = x > lanes(88) ? lanes(88) : x;
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  constexpr float kRound = 12582912;
  const Lanes rounded = x * 1.44269504088896341f + kRound;
  const Lanes n = rounded - kRound;
  const Lanes r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  Lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;            // the polynomial of Cephes
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1;
  IntegerLanes bits;
  std::memcpy(&bits, &rounded, sizeof bits);
  bits = (bits + 127) << 23;
  Lanes power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

}  // namespace
}  // namespace pfgm::plan
