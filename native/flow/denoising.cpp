#include "flow/denoising.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <utility>
#include <vector>

#include "runtime/error.h"

namespace pfgm {
namespace {

class DenoisingFlow final : public Flow {
 public:
  DenoisingFlow(std::shared_ptr<Network> network, std::shared_ptr<const Scales> scales,
                const Inference& inference)
      : network_(std::move(network)), scales_(std::move(scales)), inference_(inference) {
    if (network_->output() == Output::kField)
      throw Error("ERR_PFGM_ARGUMENT", "Expected a network that gives an image, not a field");
  }

  const Network& network() const override { return *network_; }

  Drift drift(const at::Tensor& x, const std::vector<double>& sigmas, const Rows& rows, bool) const override {
    const int64_t count = x.size(0), dimensions = x.size(1);
    const at::Tensor sigma = at::tensor(sigmas, at::kDouble).unsqueeze(1);
    const at::Tensor given =
        inferred(*network_, items(scaled(x, sigma)), noise(sigma), rows, sigmas, inference_)
            .x.reshape({count, dimensions});
    return {away(x, given, sigma), {}, std::vector<char>(count)};
  }

  Differentiable differentiable(const at::Tensor& x, const at::Tensor& sigma,
                                const at::Tensor& labels) const override {
    const at::Device device = network_->device();
    Mode mode;
    if (labels.defined()) mode.labels = labels.to(device);
    const Field field = network_->forward(items(scaled(x, sigma)).to(device), noise(sigma).to(device), mode);
    const at::Tensor given = field.x.reshape(x.sizes()).to(at::kCPU);
    return {away(x, given, sigma), at::zeros(sigma.sizes(), at::kBool)};
  }

 private:
  bool denoises() const { return network_->output() == Output::kDenoised; }

  // A scale at each of the sigmas [b, 1].
  at::Tensor at_each(const at::Tensor& sigma, double (Scales::*scale)(double) const) const {
    at::Tensor scales = at::empty(sigma.sizes(), at::kDouble);
    const double* from = sigma.const_data_ptr<double>();
    double* to = scales.mutable_data_ptr<double>();
    for (int64_t i = 0; i < sigma.numel(); ++i) to[i] = (*scales_.*scale)(from[i]);
    return scales;
  }

  at::Tensor scaled(const at::Tensor& x, const at::Tensor& sigma) const {
    return denoises() ? x : x * at_each(sigma, &Scales::c_in);
  }
  at::Tensor noise(const at::Tensor& sigma) const {
    return denoises() ? sigma.squeeze(1) : at_each(sigma, &Scales::c_noise).squeeze(1).to(at::kFloat);
  }
  // x - d
  at::Tensor away(const at::Tensor& x, const at::Tensor& given, const at::Tensor& sigma) const {
    const at::Tensor image = given.to(at::kDouble);
    if (denoises()) return x - image;
    return x * at_each(sigma, &Scales::c_away) - image * at_each(sigma, &Scales::c_out);
  }

  // States as the network takes them; one that is exact keeps their digits.
  at::Tensor items(const at::Tensor& x) const {
    return (denoises() ? x : x.to(at::kFloat)).reshape(network_->batch_shape(x.size(0)));
  }

  std::shared_ptr<Network> network_;
  std::shared_ptr<const Scales> scales_;
  Inference inference_;
};

}  // namespace

std::shared_ptr<Flow> make_denoising_flow(std::shared_ptr<Network> network,
                                          std::shared_ptr<const Scales> scales, const Inference& inference) {
  return std::make_shared<DenoisingFlow>(std::move(network), std::move(scales), inference);
}

}  // namespace pfgm
