// What flows towards a denoised image differ in: how that is made of what a network gives, and how much noise
// training takes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace pfgm {

// An SDE at a time: x_t is signal y and noise of deviation `noise`, dx = drift x dt + diffusion dw.
struct SdeAt {
  double signal, noise, drift, diffusion_squared;
};

// d = c_skip x + c_out F(c_in x, c_noise), in coordinates in which x is y and noise of deviation sigma (arXiv
// 2206.00364, eq. 7). A flow whose own states are a y + s noise has sigma = s / a, and x is its state over a.
class Scales {
 public:
  virtual ~Scales() = default;

  virtual double c_in(double sigma) const = 0;
  virtual double c_noise(double sigma) const = 0;
  virtual double c_out(double sigma) const = 0;
  // 1 - c_skip, without cancellation.
  virtual double c_away(double) const { return 0; }

  // The noise of an item in training, from a number uniform in (0, 1) or one that is normal.
  virtual double drawn_sigma(double uniform, double normal) const = 0;
  // What half the squared error of F counts by in the loss.
  virtual double weight(double sigma, int64_t dimensions) const = 0;

  // Throws where the flow is of no SDE.
  virtual SdeAt sde(double t) const;
};

// Settings of a flow by name.
using Constants = std::map<std::string, double>;

// Of a kind of flow. Throws where there is none of the name, or a constant is missing or has no meaning.
std::shared_ptr<const Scales> make_scales(const std::string& kind, const Constants& constants);

// Throws where it is missing or not above 0.
double positive(const Constants& constants, const char* name);
// Throws where it is missing.
double number(const Constants& constants, const char* name);

// A file each.
std::shared_ptr<const Scales> edm_scales(const Constants& constants);
std::shared_ptr<const Scales> ve_scales(const Constants& constants);
std::shared_ptr<const Scales> vp_scales(const Constants& constants);
std::shared_ptr<const Scales> subvp_scales(const Constants& constants);

}  // namespace pfgm
