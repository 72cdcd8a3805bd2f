// The drift dx / d(ln z) = z v_x / v_z of a Poisson flow from a network's (v_x, v_z): written once, for
// numbers and for tensors that can be differentiated.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "flow/pfgm.h"

namespace pfgm::formula {

// Where n = |v_x| / sqrt(N) nears 1 the distance that it implies grows without bound: it is cut off here, in
// units of upper_norm.
constexpr double kFarthest = 100;

inline double root(double value) {
  return std::sqrt(value);
}
inline at::Tensor root(const at::Tensor& value) {
  return value.sqrt();
}
inline double at_most(double value, double bound) {
  return std::min(value, bound);
}
inline at::Tensor at_most(const at::Tensor& value, double bound) {
  return value.clamp_max(bound);
}

// n at a distance |E_x| from the data: d / (d + gamma).
inline double share_at(double distance, const PfgmConfig& c) {
  return distance / (distance + c.gamma);
}

// v_z below z_exp. Near the data the network's own is poor, and v_x alone tells the distance: with
// n = |v_x| / sqrt(N), |E_x| = gamma n / (1 - n), so v_z = -sqrt(N) z / (sqrt(E_x^2 + z^2) + gamma). n
// reaches 1 only at infinity: what says so is cut off, far beyond any point that the network was trained on.
template <class Real>
Real vertical(const Real& n, const Real& z, double root_n, const PfgmConfig& c) {
  const Real bounded = at_most(n, share_at(kFarthest * c.upper_norm, c));
  const Real distance = c.gamma * bounded / (1 - bounded);
  return -root_n * z / (root(distance * distance + z * z) + c.gamma);
}

// What v_x is multiplied by; square = |v_x|^2.
template <class Real>
Real factor(const Real& square, const Real& v_z, const Real& z, const PfgmConfig& c) {
  if (!c.normalised) return z / (v_z + c.epsilon);
  const Real length = root(square + v_z * v_z) + 1e-7;
  return z / (v_z / length + c.epsilon) / length;
}

}  // namespace pfgm::formula
