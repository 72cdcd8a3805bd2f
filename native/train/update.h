// Third part of a training step: gradient clipping, Adam and the moving average of the weights, in one pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pfgm {

struct AdamConfig {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// What changes from update to update.
struct UpdateSettings {
  int64_t update = 1;  // 1, 2, …: Adam's bias correction
  double learning_rate = 2e-4;
  double clip_norm = 1;
  double ema_decay = 0.9999;
  std::vector<double> further_ema_decays;
};

// All trained parameters one after another, and as much of whatever else is kept for each of them.
struct TrainingBuffers {
  at::Tensor weights, gradients, first_moments, second_moments, averages;
  std::vector<at::Tensor> further_averages;
};

void update(TrainingBuffers& buffers, double gradient_norm, const AdamConfig& adam,
            const UpdateSettings& settings);

}  // namespace pfgm
