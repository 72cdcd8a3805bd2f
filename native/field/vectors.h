// Vectors of a number of lanes, for whichever instruction set the including file is compiled for.
#pragma once

#include <cstring>

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
