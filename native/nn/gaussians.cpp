// The field and the denoiser of a mixture of isotropic Gaussians, known without training: its centres are its
// parameters.
//
// The kernel (|x|^2 + r^2)^-((N+D)/2) is a mixture of Gaussians N(0, v), v with the density v^-(D/2+1)
// exp(-r^2 / 2v) (for D = 1 the Poisson semigroup is the heat semigroup at a Levy-distributed time). With
// data N(c, s^2) each of them is N(c, s^2 + v), and the mean of x - y given x and v is (x - c) v / (s^2 + v):
// one integral over v is left. With infinitely many dimensions v is sigma^2, and none is.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <string>

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
    if (!(config.gamma >= 0)) throw Error("ERR_PFGM_ARGUMENT", "Expected gamma to be at least 0");
    if (!(config.extra_dimensions >= 1)) throw Error("ERR_PFGM_ARGUMENT", "Expected D to be at least 1");
    variances_ = per_component(config.deviations, "deviations", [](double s) { return s * s; });
    log_weights_ = per_component(config.weights, "weights", [](double w) { return std::log(w); });
    shape_ = {config.dimensions};
    Builder builder(parameters_, seed, device);
    centres_ = builder.normal("centres", {config.components, config.dimensions}, 1, true);
  }

  int64_t tile() const override { return 64; }
  Output output() const override { return config_.output; }

  // A field is -sqrt(N) E / (|E| + gamma), E the mean of (x - y, z) over the data y, weighted by the kernel;
  // x - E_x is the mean of the data itself. z is sigma = r / sqrt(D), which for a field, D = 1, is r.
  Field forward(const at::Tensor& x_in, const at::Tensor& z_in, const Mode& mode) const override {
    const at::Tensor x = x_in.to(at::kDouble), centres = centres_.to(at::kDouble);
    const at::Tensor z = z_in.clamp_min(1e-10).to(at::kDouble).unsqueeze(1);
    const at::Tensor shares = moved_shares(x, z, centres, mode.labels);  // [b, K]
    const at::Tensor e_x = x * shares.sum(at::IntArrayRef{1}, true) - shares.matmul(centres);
    if (config_.output == Output::kDenoised) return {(x - e_x).to(x_in.scalar_type()), {}};
    const at::Tensor length = ((e_x * e_x).sum(at::IntArrayRef{1}, true) + z * z).sqrt();
    const at::Tensor factor = -std::sqrt(double(config_.dimensions)) / (length + config_.gamma);
    return {(e_x * factor).to(at::kFloat), (z * factor).squeeze(1).to(at::kFloat)};
  }

 private:
  // A number each of the Gaussians has, as [1, K, 1].
  template <class Function>
  at::Tensor per_component(const std::vector<double>& given, const char* name, Function of) const {
    if (int64_t(given.size()) != config_.components)
      throw Error("ERR_PFGM_ARGUMENT", std::string("Expected ") + name + " to have one number a component");
    std::vector<double> values;
    for (const double each : given) {
      if (!(each >= 0) || std::isinf(each))
        throw Error("ERR_PFGM_ARGUMENT", std::string("Expected ") + name + " to be at least 0");
      values.push_back(of(each));
    }
    return at::tensor(values, at::kDouble).view({1, -1, 1});
  }

  // For each centre c, the integral of weight times v / (s^2 + v): how much of x - c is x - y.
  at::Tensor moved_shares(const at::Tensor& x, const at::Tensor& z, const at::Tensor& centres,
                          const at::Tensor& labels) const {
    const double n = double(config_.dimensions), d = config_.extra_dimensions;
    const at::Tensor variances = variances_.to(x.device()), log_weights = log_weights_.to(x.device());
    const at::Tensor away = x.unsqueeze(1) - centres.unsqueeze(0);
    const at::Tensor d2 = (away * away).sum(at::IntArrayRef{2}).unsqueeze(2);  // [b, K, 1]
    const at::Tensor z2 = (z * z).unsqueeze(2), r2 = z2 * d;                   // [b, 1, 1]
    const bool gaussian = std::isinf(d);
    const at::Tensor log_v = gaussian ? z2.log() : nodes(r2, d2.detach().amax(1, true));
    const at::Tensor v = log_v.exp(), total = v + variances;  // [b, K, nodes]
    at::Tensor logits = log_weights - 0.5 * n * total.log() - d2 / (2 * total);
    if (!gaussian) logits = logits - 0.5 * d * log_v - r2 / (2 * v);
    if (labels.defined()) logits = logits.masked_fill(of_other_label(labels), -INFINITY);
    const at::Tensor weights = at::softmax(logits.flatten(1), 1).view(logits.sizes());
    return (weights * (v / total)).sum(at::IntArrayRef{2});
  }

  // ln v where the integral is, [b, 1, kNodes]. Without data r^2 / v would be chi-square with N + D degrees:
  // a share of exp(-40) lies beyond the first node (Laurent and Massart 2000, lemma 1). At the last one the
  // integrand has come down by as much from its peak, which lies below (r^2 + d^2) / D; its tail is v^-(D/2)
  // while v is small beside the Gaussians' variances, and v^-((N+D)/2) beyond.
  at::Tensor nodes(const at::Tensor& r2, const at::Tensor& d2) const {
    const double n = double(config_.dimensions), d = config_.extra_dimensions;
    const at::Tensor first = (r2 / (n + d + std::sqrt(160 * (n + d)) + 80)).log();
    const at::Tensor peak = ((r2 + d2) / d).log() + 80 / d + std::sqrt(160 / d);
    const at::Tensor last =
        at::minimum(peak, (r2 + d2 + variances_.max().to(r2.device())).log() + 56 / (n + d));
    const at::Tensor steps = at::arange(kNodes, r2.options()) / double(kNodes - 1);
    return first + (last - first) * steps;
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
  at::Tensor centres_, variances_, log_weights_;
};

}  // namespace

std::shared_ptr<Network> make_gaussians(const GaussiansConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<Gaussians>(config, seed, device);
}

}  // namespace pfgm
