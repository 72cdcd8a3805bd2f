// The sub-VP SDE (arXiv 2011.13456, section 3.4): s = 1 - exp(-2 L).
#include <cmath>

#include "flow/sde.h"

namespace pfgm {
namespace {

class SubvpScales final : public ShrinkingScales {
 public:
  using ShrinkingScales::ShrinkingScales;

 protected:
  double sigma_at(double depth) const override { return 2 * std::sinh(depth); }
  double depth_at(double sigma) const override { return std::asinh(sigma / 2); }
  // (1 - exp(-4 L)) / (1 - exp(-2 L))^2
  double rate_at(double depth) const override { return 1 / std::tanh(depth); }
};

}  // namespace

std::shared_ptr<const Scales> subvp_scales(const Constants& constants) {
  return std::make_shared<SubvpScales>(constants);
}

}  // namespace pfgm
