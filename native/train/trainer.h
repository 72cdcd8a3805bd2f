// Loss, gradient clipping, Adam and the moving average of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/network.h"

namespace pfgm {

struct AdamConfig {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// What changes from step to step.
struct StepSettings {
  int64_t update = 1;  // 1, 2, …: Adam's bias correction
  double learning_rate = 2e-4;
  double clip_norm = 1;
  double ema_decay = 0.9999;
  uint64_t dropout_seed = 0;
};

struct StepResult {
  double loss = 0;           // before the update
  double gradient_norm = 0;  // before clipping
  bool applied = true;       // false: loss or gradient is not finite, and nothing was changed
};

class Trainer {
 public:
  // `ema` must have the architecture of `network`; it takes over its weights.
  Trainer(std::shared_ptr<Network> network, std::shared_ptr<Network> ema, const AdamConfig& adam);

  // Mean over the batch of half the summed squared error of the field, one optimizer step on it.
  // target [b, N + 1].
  StepResult step(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target,
                  const StepSettings& settings);

  // What a step on these points costs, without taking one: seconds, and the bytes that a forward pass keeps
  // for the backward pass.
  struct Cost {
    double seconds;
    double activation_bytes;
  };
  Cost probe(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target);

  // Everything a checkpoint holds: "model.*", "ema.*", "adam.m.*", "adam.v.*".
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  int64_t bytes() const;

 private:
  at::Tensor loss(const at::Tensor& x, const at::Tensor& z, const at::Tensor& target, const Mode& mode) const;
  void update(double scale, const StepSettings& settings);

  std::shared_ptr<Network> network_, ema_;
  AdamConfig adam_;
  // The networks' trained parameters are views of these, so that one pass updates them all.
  at::Tensor weights_, gradients_, first_moments_, second_moments_, averages_;
};

}  // namespace pfgm
