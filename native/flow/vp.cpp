// The variance-preserving SDE (arXiv 2011.13456, section 3.4): s^2 = 1 - exp(-2 L).
#include <cmath>

#include "flow/sde.h"

namespace pfgm {

namespace {

class VpScales final : public ShrinkingScales {
 public:
  using ShrinkingScales::ShrinkingScales;

 protected:
  double sigma_at(double depth) const override { return std::sqrt(std::expm1(2 * depth)); }
  double depth_at(double sigma) const override { return std::log1p(sigma * sigma) / 2; }
  double rate_at(double depth) const override { return -1 / std::expm1(-2 * depth); }
};

}  // namespace

std::shared_ptr<const Scales> vp_scales(const Constants& constants) {
  return std::make_shared<VpScales>(constants);
}

}  // namespace pfgm
