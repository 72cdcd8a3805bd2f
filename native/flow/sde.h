// What the flows of the SDEs of arXiv 2011.13456 share.
#pragma once

#include <memory>

#include "flow/scales.h"

namespace pfgm {

// The smallest time that training draws, as published.
constexpr double kLeastTime = 1e-5;

inline double drawn_time(double uniform) {
  return kLeastTime + uniform * (1 - kLeastTime);
}

// SDEs with the drift -b(t) x / 2 and b(t) = beta_min + t (beta_max - beta_min): signals shrink as exp(-L),
// L(t) = half the integral of b. Networks are told 999 t and give the noise.
class ShrinkingScales : public Scales {
 public:
  explicit ShrinkingScales(const Constants& constants);

  double c_in(double sigma) const override;
  double c_noise(double sigma) const override { return 999 * time(sigma); }
  double c_out(double sigma) const override { return -sigma; }
  double drawn_sigma(double uniform, double) const override { return sigma_at(depth(drawn_time(uniform))); }
  SdeAt sde(double t) const override;
  // The published loss is the mean of the squares, not half their sum.
  double weight(double sigma, int64_t dimensions) const override;

 protected:
  // Noise over signal where L is known, and the other way.
  virtual double sigma_at(double depth) const = 0;
  virtual double depth_at(double sigma) const = 0;
  // g(t)^2 / s(t)^2, over b(t).
  virtual double rate_at(double depth) const = 0;

 private:
  double beta(double t) const { return least_ + t * growth_; }
  double depth(double t) const { return t * (least_ + t * growth_ / 2) / 2; }
  double time(double sigma) const;

  double least_, growth_;
  bool likelihood_;
};

}  // namespace pfgm
