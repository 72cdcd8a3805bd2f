#include "train/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <chrono>

#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/profile.h"
#include "runtime/stop.h"
#include "train/loss.h"
#include "train/reduce.h"

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

Mode mode_of(const PassSettings& pass, uint64_t dropout_seed) {
  Mode mode;
  mode.training = true;
  mode.dropout_seed = dropout_seed;
  mode.recomputes = pass.recomputes;
  mode.fuses = !pass.by_libtorch;
  mode.precision = pass.precision;
  return mode;
}

}  // namespace

Trainer::Trainer(std::shared_ptr<Network> network, std::shared_ptr<Network> ema, const AdamConfig& adam,
                 int64_t further_averages)
    : network_(std::move(network)), ema_(std::move(ema)), adam_(adam) {
  {
    const at::NoGradGuard no_grad;
    buffers_.weights = flatten(*network_);
    buffers_.averages = flatten(*ema_);
    buffers_.averages.copy_(buffers_.weights);
    for (size_t i = 0; i < ema_->parameters().size(); ++i)
      if (!ema_->parameters()[i].trained) ema_->parameters()[i].value.copy_(network_->parameters()[i].value);
    for (int64_t k = 0; k < further_averages; ++k)
      buffers_.further_averages.push_back(buffers_.weights.clone());
    buffers_.gradients = at::zeros_like(buffers_.weights);
    buffers_.first_moments = at::zeros_like(buffers_.weights);
    buffers_.second_moments = at::zeros_like(buffers_.weights);
  }
  network_->require_grad();
  int64_t offset = 0;
  for (Parameter& parameter : network_->parameters()) {
    if (!parameter.trained) continue;
    parameter.value.mutable_grad() =
        buffers_.gradients.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes());
    offset += parameter.value.numel();
  }
}

Trainer::Cost Trainer::probe(const Batch& batch, const PassSettings& pass) {
  check(*network_, batch);
  const double before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor loss = squared_loss(*network_, batch, mode_of(pass, 0));
  const double kept = resident_bytes() - before;
  loss.backward();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {spent.count(), std::max(kept, 0.0)};
}

StepResult Trainer::step(const Batch& batch, const StepSettings& settings) {
  const Span span([] { return std::string("training step"); });
  check(*network_, batch);
  if (settings.further_ema_decays.size() != buffers_.further_averages.size())
    throw Error("ERR_PFGM_ARGUMENT", "Expected a decay for each of the further averages");
  // Weights may have been read since the trainer was made.
  if (settings.update == 1)
    for (at::Tensor& average : buffers_.further_averages) average.copy_(buffers_.averages);
  buffers_.gradients.zero_();
  const int64_t count = batch.x.size(0), parts = std::min(settings.pass.parts, count);
  at::Tensor loss;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = count * part / parts, rows = count * (part + 1) / parts - first;
    // Each part draws its own dropout.
    const Mode mode = mode_of(settings.pass, settings.dropout_seed + uint64_t(part) * 0x9E3779B97F4A7C15u);
    const at::Tensor of_part =
        squared_loss(*network_, rows_of(batch, first, rows), mode) * (double(rows) / double(count));
    {
      const Span span([] { return std::string("back"); });
      of_part.backward();
    }
    loss = part == 0 ? of_part.detach() : loss + of_part.detach();
  }
  const at::NoGradGuard no_grad;
  const Reduced reduced = reduce(loss, buffers_.gradients);
  if (reduced.finite) {
    Stop::current().commit();
    const Span span([] { return std::string("update"); });
    update(buffers_, reduced.gradient_norm, adam_, settings);
    weights_changed();
  }
  return {reduced.loss, reduced.gradient_norm, reduced.finite};
}

void Trainer::weights_changed() {
  network_->weights_changed();
  ema_->weights_changed();
}

std::vector<std::pair<std::string, at::Tensor>> Trainer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> entries;
  for (const Parameter& parameter : network_->parameters())
    entries.emplace_back("model." + parameter.name, parameter.value);
  for (const Parameter& parameter : ema_->parameters())
    entries.emplace_back("ema." + parameter.name, parameter.value);
  const auto add = [&](const std::string& prefix, const at::Tensor& buffer) {
    int64_t offset = 0;
    for (const Parameter& parameter : network_->parameters()) {
      if (!parameter.trained) continue;
      entries.emplace_back(prefix + parameter.name,
                           buffer.narrow(0, offset, parameter.value.numel()).view(parameter.value.sizes()));
      offset += parameter.value.numel();
    }
  };
  add("adam.m.", buffers_.first_moments);
  add("adam.v.", buffers_.second_moments);
  for (size_t k = 0; k < buffers_.further_averages.size(); ++k) {
    const std::string prefix = "ema_" + std::to_string(k + 1) + ".";
    add(prefix, buffers_.further_averages[k]);
    for (const Parameter& parameter : ema_->parameters())
      if (!parameter.trained) entries.emplace_back(prefix + parameter.name, parameter.value);
  }
  return entries;
}

int64_t Trainer::bytes() const {
  return buffers_.weights.numel() * int64_t(sizeof(float)) * int64_t(3 + buffers_.further_averages.size());
}

}  // namespace pfgm
