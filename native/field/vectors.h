// Vectors of a number of lanes, for whichever instruction set the including file is compiled for.
#pragma once

#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(_MSC_VER)
#define PFGM_NOINLINE __declspec(noinline)
#else
#define PFGM_NOINLINE __attribute__((noinline))
#endif

namespace pfgm::field {

template <int kLanes>
struct Vectors;
#define PFGM_VECTORS(lanes)                                       \
  template <>                                                     \
  struct Vectors<lanes> {                                         \
    typedef double Wide __attribute__((vector_size((lanes)*8)));  \
    typedef float Narrow __attribute__((vector_size((lanes)*4))); \
  }
PFGM_VECTORS(2);
PFGM_VECTORS(4);
PFGM_VECTORS(8);
PFGM_VECTORS(16);
#undef PFGM_VECTORS

template <int kLanes>
static inline typename Vectors<kLanes>::Wide load(const double* from) {
  typename Vectors<kLanes>::Wide v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class Vector>
static inline void store(double* to, Vector v) {
  std::memcpy(to, &v, sizeof v);
}

// Floats to doubles. GCC 12 makes two halves of eight lanes, which took a quarter of the time.
template <int kLanes>
static inline typename Vectors<kLanes>::Wide widen(typename Vectors<kLanes>::Narrow v) {
#if defined(__AVX512F__)
  if constexpr (kLanes == 8) return (typename Vectors<8>::Wide)_mm512_maskz_cvtps_pd(0xff, (__m256)v);
#endif
  return __builtin_convertvector(v, typename Vectors<kLanes>::Wide);
}

// The sum of a vector's lanes, by halves. Static: the linker must not share it between instruction sets.
template <int kLanes>
static inline double sum_lanes(typename Vectors<kLanes>::Wide v) {
  if constexpr (kLanes == 2) {
    return v[0] + v[1];
  } else {
    typename Vectors<kLanes / 2>::Wide low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return sum_lanes<kLanes / 2>(low + high);
  }
}

}  // namespace pfgm::field
