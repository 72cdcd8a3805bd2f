// What numbers go through before a layer, and its slope, for one instruction set.
#pragma once

#include "plan/lanes.h"
#include "plan/step.h"

namespace pfgm::plan {
namespace {

inline Lanes silu(Lanes x) {
  return x / (exponential(-x) + 1);
}
inline Lanes silu_slope(Lanes x) {
  const Lanes share = 1 / (exponential(-x) + 1);
  return share * (1 + x * (1 - share));
}

// The share of the normal distribution below x, to 1e-7: formula 7.1.26 of Abramowitz and Stegun.
inline Lanes normal_share(Lanes x) {
  const Lanes away = (x < Lanes{} ? -x : x) * 0.70710678118654752f;
  const Lanes t = 1 / (away * 0.3275911f + 1);
  Lanes p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Lanes beyond = p * t * exponential(-away * away) * 0.5f;
  return x < Lanes{} ? beyond : 1 - beyond;
}
inline Lanes gelu(Lanes x) {
  return x * normal_share(x);
}
inline Lanes gelu_slope(Lanes x) {
  return normal_share(x) + x * exponential(x * x * -0.5f) * 0.39894228040143268f;
}

inline Lanes activated(Activation how, Lanes x) {
  if (how == Activation::kSilu) return silu(x);
  if (how == Activation::kGelu) return gelu(x);
  return x;
}
inline Lanes slope(Activation how, Lanes x) {
  if (how == Activation::kSilu) return silu_slope(x);
  if (how == Activation::kGelu) return gelu_slope(x);
  return lanes(1);
}

}  // namespace
}  // namespace pfgm::plan
