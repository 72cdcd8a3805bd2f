// The field of a mixture of isotropic Gaussians, known without training: its centres are its parameters.
//
// The kernel (|x|^2 + z^2)^-((N+1)/2) is a mixture of Gaussians N(0, v), v with the density v^-3/2 exp(-z^2 /
// 2v) (the Poisson semigroup is the heat semigroup at a Levy-distributed time). With data N(c, s^2) each of
// them is N(c, s^2 + v), and the mean of x - y given x and v is (x - c) v / (s^2 + v): one integral over v is
// left.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/softmax.h>

#include <cmath>

#include "nn/layers.h"
#include "nn/network.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

using namespace nn;

// Of the trapezoid rule in ln v, which converges exponentially: 1e-12 in up to some hundred dimensions.
constexpr int64_t kNodes = 192;

class Gaussians final : public Network {
 public:
  Gaussians(const GaussiansConfig& config, uint64_t seed, at::Device device) : config_(config) {
    if (config.dimensions < 1 || config.dimensions > 65536)
      throw Error("ERR_PFGM_ARGUMENT", "Expected dimensions to be from 1 to 65536");
    if (config.components < 1 || config.components > 4096)
      throw Error("ERR_PFGM_ARGUMENT", "Expected components to be from 1 to 4096");
    if (!(config.deviation >= 0) || !(config.gamma >= 0))
      throw Error("ERR_PFGM_ARGUMENT", "Expected deviation and gamma to be at least 0");
    shape_ = {config.dimensions};
    Builder builder(parameters_, seed, device);
    centres_ = builder.normal("centres", {config.components, config.dimensions}, 1, true);
  }

  int64_t tile() const override { return 64; }

  // -sqrt(N) E / (|E| + gamma), E the mean of (x - y, z) over the data y, weighted by the kernel.
  Field forward(const at::Tensor& x_in, const at::Tensor& z_in, const Mode& mode) const override {
    const at::Tensor x = x_in.to(at::kDouble), centres = centres_.to(at::kDouble);
    const at::Tensor z = z_in.clamp_min(1e-10).to(at::kDouble).unsqueeze(1);
    const at::Tensor shares = moved_shares(x, z, centres, mode.labels);  // [b, K]
    const at::Tensor e_x = x * shares.sum(at::IntArrayRef{1}, true) - shares.matmul(centres);
    const at::Tensor length = ((e_x * e_x).sum(at::IntArrayRef{1}, true) + z * z).sqrt();
    const at::Tensor factor = -std::sqrt(double(config_.dimensions)) / (length + config_.gamma);
    return {(e_x * factor).to(at::kFloat), (z * factor).squeeze(1).to(at::kFloat)};
  }

 private:
  // For each centre c, the integral of weight times v / (s^2 + v): how much of x - c is x - y.
  at::Tensor moved_shares(const at::Tensor& x, const at::Tensor& z, const at::Tensor& centres,
                          const at::Tensor& labels) const {
    const double n = double(config_.dimensions), square = config_.deviation * config_.deviation;
    const at::Tensor away = x.unsqueeze(1) - centres.unsqueeze(0);
    const at::Tensor d2 = (away * away).sum(at::IntArrayRef{2}).unsqueeze(2);  // [b, K, 1]
    const at::Tensor z2 = (z * z).unsqueeze(2);                                // [b, 1, 1]
    // Without data z^2 / v would be chi-square with N + 1 degrees: a share of exp(-40) lies beyond the first
    // node (Laurent and Massart 2000, lemma 1). At the last one the tail v^-((N+1)/2) has come down by
    // exp(-28).
    const at::Tensor first = (z2 / (n + 1 + std::sqrt(160 * (n + 1)) + 80)).log();
    const at::Tensor last = (z2 + d2.detach().amax(1, true) + square).log() + 56 / (n + 1);
    const at::Tensor steps = at::arange(kNodes, x.options()) / double(kNodes - 1);
    const at::Tensor log_v = first + (last - first) * steps;  // [b, 1, kNodes]
    const at::Tensor v = log_v.exp(), total = v + square;
    at::Tensor logits = -0.5 * log_v - z2 / (2 * v) - 0.5 * n * total.log() - d2 / (2 * total);
    if (labels.defined()) logits = logits.masked_fill(of_other_label(labels), -INFINITY);
    const at::Tensor weights = at::softmax(logits.flatten(1), 1).view(logits.sizes());
    return (weights * (v / total)).sum(at::IntArrayRef{2});
  }

  // [b, K, 1]: which Gaussians a row's label leaves out.
  at::Tensor of_other_label(const at::Tensor& labels) const {
    if (labels.ge(config_.components).any().item<bool>())
      throw Error("ERR_PFGM_ARGUMENT", "Expected labels to be below " + std::to_string(config_.components));
    const at::Tensor own = at::arange(config_.components, labels.options()).unsqueeze(0);
    const at::Tensor label = labels.unsqueeze(1);
    return label.ge(0).logical_and(label.ne(own)).unsqueeze(2);
  }

  GaussiansConfig config_;
  at::Tensor centres_;
};

}  // namespace

std::shared_ptr<Network> make_gaussians(const GaussiansConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<Gaussians>(config, seed, device);
}

}  // namespace pfgm
