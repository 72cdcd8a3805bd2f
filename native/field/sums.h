// The sums over sources that every result of the field is made of, in two forms.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "field/kernel.h"
#include "field/sources.h"

namespace pfgm::field {

inline int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Queries against sources. The number of queries is a multiple of kQueryPadding.
struct Problem {
  Sources sources;
  const double* queries;          // [count, dimensions]
  const double* heights_squared;  // [count]
  int64_t count;
  double exponent;                   // p = N + D; infinite: Gaussian weights of deviation r
  const int64_t* guesses = nullptr;  // [count]: sources that are probably near

  // Whether powers are made by repeated squaring, which loses digits where there are many, rather than by
  // logarithm.
  bool squares() const {
    return exponent - double(sources.dimensions) <= kMostSquared && exponent == std::floor(exponent);
  }
  static constexpr double kMostSquared = 4096;  // D
};

// Of one problem, weights being relative to each query's nearest source.
struct Sums {
  std::vector<double> weighted;  // [count, dimensions]: sum w (q - s)
  std::vector<double> weights;   // [count]: sum w

  Sums(int64_t count, int64_t dimensions) : weighted(count * dimensions), weights(count) {}
};

// The form that costs less for the problem's size, or the chosen one.
Sums sum_over_sources(const Problem& problem);

enum class Form { kByCost, kDifferences, kProduct, kBytes };
void choose_form(Form form);

// Every pair by float64 differences.
Sums sums_by_differences(const DifferenceKernel& kernel, const Problem& problem);

// Distances from float32 products, float64 differences for the sources that carry the weight (product.cpp).
Sums sums_by_product(const Kernel& kernel, const Problem& problem);

// The same from products of bytes, where sources are pixels in at most kByteDimensions and the kernel has
// such.
Sums sums_by_bytes(const Kernel& kernel, const Problem& problem);

}  // namespace pfgm::field
