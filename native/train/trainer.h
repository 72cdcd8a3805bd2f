// A network under training: owns the buffers of a step, whose parts are backward, reduce and update.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/network.h"
#include "train/batch.h"
#include "train/update.h"

namespace pfgm {

// How gradients are made: none of it changes what they are, but for rounding and what dropout draws. Weights,
// normalisation and sums are float32 whatever the precision.
struct PassSettings {
  int64_t parts = 1;         // that a batch goes through the network in, one after the other
  bool recomputes = false;   // activations inside of blocks, on the way back, rather than to keep them
  bool by_libtorch = false;  // with libtorch's operations alone
  Precision precision = Precision::kFloat32;
};

// What changes from step to step.
struct StepSettings : UpdateSettings {
  uint64_t dropout_seed = 0;
  PassSettings pass;
};

struct StepResult {
  double loss = 0;           // before the update
  double gradient_norm = 0;  // before clipping
  bool applied = true;       // false: loss or gradient is not finite, and nothing was changed
};

class Trainer {
 public:
  // `ema` must have the architecture of `network`; it takes over its weights. further_averages: moving
  // averages beside that, which only the state has.
  Trainer(std::shared_ptr<Network> network, std::shared_ptr<Network> ema, const AdamConfig& adam,
          int64_t further_averages);

  // One optimizer step on the batch's loss. Asked to stop, it has changed no weights; once it changes them it
  // cannot be stopped.
  StepResult step(const Batch& batch, const StepSettings& settings);

  // What a step on these points costs, without taking one: seconds, and the bytes that a forward pass keeps
  // for the backward pass.
  struct Cost {
    double seconds;
    double activation_bytes;
  };
  Cost probe(const Batch& batch, const PassSettings& pass);

  // Everything a checkpoint holds: "model.*", "ema.*", "adam.m.*", "adam.v.*", and the further averages as
  // "ema_1.*", "ema_2.*", ….
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  int64_t bytes() const;

  // The weights of the network and of its moving average are others now.
  void weights_changed();

 private:
  std::shared_ptr<Network> network_, ema_;
  AdamConfig adam_;
  // The networks' trained parameters are views of the weights and averages, so that one pass updates them
  // all.
  TrainingBuffers buffers_;
};

}  // namespace pfgm
