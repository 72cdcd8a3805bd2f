#include "nn/embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace pfgm::nn {

at::Tensor Embedding::operator()(const at::Tensor& z, const at::Tensor& labels) const {
  const at::Tensor number = logarithm ? z.log() : z;
  at::Tensor phase = number.unsqueeze(1) * (before == 1 ? frequencies : frequencies * before).unsqueeze(0);
  if (after != 1) phase = phase * after;
  at::Tensor h =
      cosines_first ? at::cat({phase.cos(), phase.sin()}, 1) : at::cat({phase.sin(), phase.cos()}, 1);
  const bool labelled = classes > 0 && labels.defined();
  const auto of_labels = [&](const at::Tensor& like) {
    const at::Tensor hot = one_hot(labels, classes, like);
    return at::matmul(label_scale == 1 ? hot : hot * label_scale, label_weight.t());
  };
  if (label_bias.defined()) h = h + label_bias;  // of rows without a label, too
  if (labelled && !labels_last) h = h + of_labels(h);
  const auto activated = [&](const at::Tensor& x) {
    return activation == plan::Activation::kGelu ? at::gelu(x) : at::silu(x);
  };
  h = layer_1(activated(layer_0(h)));
  return activated(labelled && labels_last ? h + of_labels(h) : h);
}

void Embedding::waves(float z, int64_t row_label, float* to) const {
  const int64_t half = frequencies.size(0);
  const float* const each = frequencies.const_data_ptr<float>();
  const float number = logarithm ? std::log(z) : z;
  float* const sines = to + (cosines_first ? half : 0);
  float* const cosines = to + (cosines_first ? 0 : half);
  for (int64_t i = 0; i < half; ++i) {
    const float phase = number * (each[i] * float(before)) * float(after);
    sines[i] = std::sin(phase);
    cosines[i] = std::cos(phase);
  }
  if (label_bias.defined())
    for (int64_t i = 0; i < 2 * half; ++i) to[i] += label_bias.const_data_ptr<float>()[i];
  if (!labels_last) label(row_label, to);
}

void Embedding::label(int64_t label, float* to) const {
  if (classes == 0 || label < 0) return;
  if (label >= classes)
    throw Error("ERR_PFGM_ARGUMENT", "Expected labels to be below " + std::to_string(classes));
  const float* const weights = label_weight.const_data_ptr<float>();
  for (int64_t i = 0; i < label_weight.size(0); ++i)
    to[i] += float(label_scale) * weights[i * classes + label];
}

}  // namespace pfgm::nn
