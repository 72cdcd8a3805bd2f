// The variance-exploding SDE (arXiv 2011.13456, section 3.4): sigma = sigma_min (sigma_max / sigma_min)^t. A
// network is told ln sigma and gives sigma times the score, which is -noise.
#include <cmath>

#include "flow/scales.h"
#include "flow/sde.h"

namespace pfgm {
namespace {

class VeScales final : public Scales {
 public:
  explicit VeScales(const Constants& constants)
      : least_(positive(constants, "sigmaMin")),
        range_(positive(constants, "sigmaMax") / least_),
        likelihood_(number(constants, "likelihoodWeighting") != 0) {}

  double c_in(double) const override { return 1; }
  double c_noise(double sigma) const override { return std::log(sigma); }
  double c_out(double sigma) const override { return sigma; }

  double drawn_sigma(double uniform, double) const override {
    return least_ * std::pow(range_, drawn_time(uniform));
  }
  // The published loss is half the sum of squares. g^2 / s^2 = 2 ln(sigma_max / sigma_min).
  double weight(double, int64_t) const override { return likelihood_ ? 2 * std::log(range_) : 1; }

  SdeAt sde(double t) const override {
    const double sigma = least_ * std::pow(range_, t);
    return {1, sigma, 0, 2 * sigma * sigma * std::log(range_)};
  }

 private:
  double least_, range_;
  bool likelihood_;
};

}  // namespace

std::shared_ptr<const Scales> ve_scales(const Constants& constants) {
  return std::make_shared<VeScales>(constants);
}

}  // namespace pfgm
