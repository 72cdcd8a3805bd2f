#include "train/update.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <cmath>

namespace pfgm {
namespace {

// What gradients are multiplied with, so that their norm is at most clip_norm.
double clipping(double gradient_norm, double clip_norm) {
  const double scale = clip_norm / (gradient_norm + 1e-6);
  return clip_norm > 0 && scale < 1 ? scale : 1;
}

}  // namespace

void update(TrainingBuffers& buffers, double gradient_norm, const AdamConfig& adam,
            const UpdateSettings& settings) {
  const double correction_1 = 1 - std::pow(adam.beta1, double(settings.update));
  const double correction_2 = 1 - std::pow(adam.beta2, double(settings.update));
  const float beta1 = float(adam.beta1), beta2 = float(adam.beta2);
  const float rate = float(settings.learning_rate / correction_1);
  const float root_correction_2 = float(std::sqrt(correction_2)), epsilon = float(adam.epsilon);
  const float keep = float(settings.ema_decay), clip = float(clipping(gradient_norm, settings.clip_norm));
  auto& [weights, gradients, first_moments, second_moments, averages, further_averages] = buffers;
  if (!weights.is_cpu()) {
    gradients.mul_(clip);
    first_moments.mul_(beta1).add_(gradients, 1 - beta1);
    second_moments.mul_(beta2).addcmul_(gradients, gradients, 1 - beta2);
    weights.addcdiv_(first_moments, second_moments.sqrt().div_(root_correction_2).add_(epsilon), -rate);
    averages.lerp_(weights, 1 - keep);
    for (size_t k = 0; k < further_averages.size(); ++k)
      further_averages[k].lerp_(weights, 1 - float(settings.further_ema_decays[k]));
    return;
  }
  float* weight = weights.mutable_data_ptr<float>();
  float* average = averages.mutable_data_ptr<float>();
  float* first = first_moments.mutable_data_ptr<float>();
  float* second = second_moments.mutable_data_ptr<float>();
  const float* gradient = gradients.const_data_ptr<float>();
  at::parallel_for(0, weights.numel(), 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i] * clip;
      first[i] += (g - first[i]) * (1 - beta1);
      second[i] = second[i] * beta2 + g * g * (1 - beta2);
      weight[i] -= rate * first[i] / (std::sqrt(second[i]) / root_correction_2 + epsilon);
      average[i] += (weight[i] - average[i]) * (1 - keep);
    }
    for (size_t k = 0; k < further_averages.size(); ++k) {
      float* further = further_averages[k].mutable_data_ptr<float>();
      const float take = 1 - float(settings.further_ema_decays[k]);
      for (int64_t i = begin; i < end; ++i) further[i] += (weight[i] - further[i]) * take;
    }
  });
}

}  // namespace pfgm
