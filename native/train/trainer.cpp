#include "train/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/error.h"
#include "runtime/memory.h"

namespace pfgm {
namespace {

// Moves a network's trained parameters into one flat buffer, of which they become views.
at::Tensor flatten(Network& network) {
  at::Tensor flat =
      at::empty({network.trained_count()}, at::TensorOptions(network.device()).dtype(at::kFloat));
  int64_t offset = 0;
  for (Parameter& parameter : network.parameters()) {
    if (!parameter.trained) continue;
    const at::Tensor view = flat.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes());
    view.copy_(parameter.value);
    parameter.value.set_data(view);
    offset += parameter.value.numel();
  }
  return flat;
}

// The Euclidean norm in float64, the same to the bit for any number of threads.
double euclidean_norm(const at::Tensor& flat) {
  if (!flat.is_cpu()) return flat.norm(2, at::kDouble).item<double>();
  constexpr int64_t kBlock = 65536;
  const float* values = flat.const_data_ptr<float>();
  const int64_t count = flat.numel(), blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> squares(blocks, 0);
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t end = std::min(count, (block + 1) * kBlock);
      // Eight sums side by side, which a compiler may keep in one vector.
      double sums[8] = {};
      int64_t i = block * kBlock;
      for (; i + 8 <= end; i += 8)
        for (int lane = 0; lane < 8; ++lane) sums[lane] += double(values[i + lane]) * values[i + lane];
      for (; i < end; ++i) sums[0] += double(values[i]) * values[i];
      for (double sum : sums) squares[block] += sum;
    }
  });
  double total = 0;
  for (double square : squares) total += square;
  return std::sqrt(total);
}

}  // namespace

Trainer::Trainer(std::shared_ptr<Network> network, std::shared_ptr<Network> ema, const AdamConfig& adam)
    : network_(std::move(network)), ema_(std::move(ema)), adam_(adam) {
  {
    const at::NoGradGuard no_grad;
    weights_ = flatten(*network_);
    averages_ = flatten(*ema_);
    averages_.copy_(weights_);
    for (size_t i = 0; i < ema_->parameters().size(); ++i)
      if (!ema_->parameters()[i].trained) ema_->parameters()[i].value.copy_(network_->parameters()[i].value);
    gradients_ = at::zeros_like(weights_);
    first_moments_ = at::zeros_like(weights_);
    second_moments_ = at::zeros_like(weights_);
  }
  network_->require_grad();
  int64_t offset = 0;
  for (Parameter& parameter : network_->parameters()) {
    if (!parameter.trained) continue;
    parameter.value.mutable_grad() =
        gradients_.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes());
    offset += parameter.value.numel();
  }
}

at::Tensor Trainer::loss(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target,
                         const Mode& mode) const {
  const int64_t count = x.size(0), dimensions = count ? x.numel() / count : 0;
  if (count == 0 || target.dim() != 2 || target.size(0) != count || target.size(1) != dimensions + 1)
    throw Error("ERR_PFGM_ARGUMENT", "Expected target to be [" + std::to_string(count) + ", " +
                                         std::to_string(dimensions + 1) + "]");
  const at::AutoGradMode with_grad(true);
  const Field field = network_->forward(x, z, mode);
  const at::Tensor error_x = field.x.reshape({count, dimensions}) - target.slice(1, 0, dimensions);
  const at::Tensor error_z = field.z - target.select(1, dimensions);
  return ((error_x * error_x).sum() + (error_z * error_z).sum()) * (0.5 / double(count));
}

Trainer::Cost Trainer::probe(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target) {
  const double before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor value = loss(x, z, target, Mode{true, 0});
  const double kept = resident_bytes() - before;
  value.backward();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {spent.count(), std::max(kept, 0.0)};
}

StepResult Trainer::step(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target,
                         const StepSettings& settings) {
  gradients_.zero_();
  const at::Tensor value = loss(x, z, target, Mode{true, settings.dropout_seed});
  value.backward();
  const at::NoGradGuard no_grad;
  StepResult result;
  result.loss = value.item<double>();
  result.gradient_norm = euclidean_norm(gradients_);
  result.applied = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (result.applied) {
    const double clip = settings.clip_norm / (result.gradient_norm + 1e-6);
    update(settings.clip_norm > 0 && clip < 1 ? clip : 1, settings);
  }
  return result;
}

void Trainer::update(double scale, const StepSettings& settings) {
  const double correction_1 = 1 - std::pow(adam_.beta1, double(settings.update));
  const double correction_2 = 1 - std::pow(adam_.beta2, double(settings.update));
  const float beta1 = float(adam_.beta1), beta2 = float(adam_.beta2);
  const float rate = float(settings.learning_rate / correction_1);
  const float root_correction_2 = float(std::sqrt(correction_2)), epsilon = float(adam_.epsilon);
  const float keep = float(settings.ema_decay), clip = float(scale);
  if (!weights_.is_cpu()) {
    gradients_.mul_(clip);
    first_moments_.mul_(beta1).add_(gradients_, 1 - beta1);
    second_moments_.mul_(beta2).addcmul_(gradients_, gradients_, 1 - beta2);
    weights_.addcdiv_(first_moments_, second_moments_.sqrt().div_(root_correction_2).add_(epsilon), -rate);
    averages_.lerp_(weights_, 1 - keep);
    return;
  }
  float* weight = weights_.mutable_data_ptr<float>();
  float* average = averages_.mutable_data_ptr<float>();
  float* first = first_moments_.mutable_data_ptr<float>();
  float* second = second_moments_.mutable_data_ptr<float>();
  const float* gradient = gradients_.const_data_ptr<float>();
  at::parallel_for(0, weights_.numel(), 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i] * clip;
      first[i] += (g - first[i]) * (1 - beta1);
      second[i] = second[i] * beta2 + g * g * (1 - beta2);
      weight[i] -= rate * first[i] / (std::sqrt(second[i]) / root_correction_2 + epsilon);
      average[i] += (weight[i] - average[i]) * (1 - keep);
    }
  });
}

std::vector<std::pair<std::string, at::Tensor>> Trainer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> entries;
  for (const Parameter& parameter : network_->parameters())
    entries.emplace_back("model." + parameter.name, parameter.value);
  for (const Parameter& parameter : ema_->parameters())
    entries.emplace_back("ema." + parameter.name, parameter.value);
  for (const auto& [prefix, buffer] :
       {std::pair("adam.m.", first_moments_), std::pair("adam.v.", second_moments_)}) {
    int64_t offset = 0;
    for (const Parameter& parameter : network_->parameters()) {
      if (!parameter.trained) continue;
      entries.emplace_back(prefix + parameter.name,
                           buffer.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes()));
      offset += parameter.value.numel();
    }
  }
  return entries;
}

int64_t Trainer::bytes() const {
  return weights_.numel() * int64_t(sizeof(float)) * 3;
}

}  // namespace pfgm
