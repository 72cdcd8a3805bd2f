#include "flow/sde.h"

#include <cmath>

namespace pfgm {

ShrinkingScales::ShrinkingScales(const Constants& constants)
    : least_(positive(constants, "betaMin")),
      growth_(number(constants, "betaMax") - least_),
      likelihood_(number(constants, "likelihoodWeighting") != 0) {}

double ShrinkingScales::c_in(double sigma) const {
  return std::exp(-depth_at(sigma));
}

// The root of depth(t) = L that is above 0, without cancellation.
double ShrinkingScales::time(double sigma) const {
  const double depth = depth_at(sigma), half = least_ / 2;
  return 2 * depth / (half + std::sqrt(half * half + growth_ * depth));
}

SdeAt ShrinkingScales::sde(double t) const {
  const double L = depth(t), signal = std::exp(-L), noise = signal * sigma_at(L);
  return {signal, noise, -beta(t) / 2, beta(t) * rate_at(L) * noise * noise};
}

double ShrinkingScales::weight(double sigma, int64_t dimensions) const {
  const double mean = 2.0 / double(dimensions);
  return likelihood_ ? mean * beta(time(sigma)) * rate_at(depth_at(sigma)) : mean;
}

}  // namespace pfgm
