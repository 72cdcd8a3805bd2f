// Steps run on as many threads as they are worth; what they give does not depend on how many that is.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "plan/kernel.h"
#include "plan/scratch.h"

namespace pfgm::plan {

// Multiplications that are worth waking a thread for, about 20 microseconds' worth.
constexpr int64_t kWorth = 2'000'000;
// Numbers likewise, of which each is looked at once.
constexpr int64_t kWorthNumbers = kWorth / 32;

// This thread's own, for as long as it lives.
inline float* scratch(int64_t floats) {
  thread_local Scratch memory;
  return memory.of(floats);
}

// Runs body(i, scratch) for i below count, on several threads where they are worth it.
template <class Body>
void share_out(int64_t count, int64_t floats, bool worth, const Body& body) {
  const auto some = [&](int64_t first, int64_t last) {
    float* const own = scratch(floats);
    for (int64_t i = first; i < last; ++i) body(i, own);
  };
  if (worth)
    at::parallel_for(0, count, 1, some);
  else
    some(0, count);
}

void run(const Kernel& kernel, Convolution step);
// Of images' channels and, if `squares`, of their squares: [images, 1 or 2, channels].
void run_sums(const Kernel& kernel, const Image& image, int64_t images, int64_t pixels, bool squares,
              double* sums);
// The weights' gradient times a factor: to where `to` says that they lie.
void run(const Kernel& kernel, FilterGradient step, const Filter& to, float* weights, float factor);
void run(const Kernel& kernel, const InputGradient& step);

}  // namespace pfgm::plan
