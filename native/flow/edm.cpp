// EDM (arXiv 2206.00364, table 1), whose scales PFGM++ has, too: a network learns F = (y - c_skip x) / c_out,
// of unit variance where the data's deviation is sigma_data.
#include <cmath>

#include "flow/scales.h"

namespace pfgm {
namespace {

class EdmScales final : public Scales {
 public:
  explicit EdmScales(const Constants& constants)
      : sigma_data_(positive(constants, "sigmaData")),
        log_mean_(number(constants, "pMean")),
        log_deviation_(number(constants, "pStd")) {}

  double c_in(double sigma) const override { return 1 / std::sqrt(square(sigma)); }
  double c_noise(double sigma) const override { return std::log(sigma) / 4; }
  double c_out(double sigma) const override { return sigma * sigma_data_ / std::sqrt(square(sigma)); }
  double c_away(double sigma) const override { return sigma * sigma / square(sigma); }

  double drawn_sigma(double, double normal) const override {
    return std::exp(log_mean_ + log_deviation_ * normal);
  }
  // The published weight of the denoiser's error is 1 / c_out^2 (eq. 8): twice this loss.
  double weight(double, int64_t) const override { return 1; }

 private:
  double square(double sigma) const { return sigma * sigma + sigma_data_ * sigma_data_; }

  double sigma_data_, log_mean_, log_deviation_;
};

}  // namespace

std::shared_ptr<const Scales> edm_scales(const Constants& constants) {
  return std::make_shared<EdmScales>(constants);
}

}  // namespace pfgm
