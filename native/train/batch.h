// What a step learns from, and the batch of a Poisson flow, from the data set to the field's targets.
#pragma once

#include "flow/pfgm.h"
#include "train/items.h"

namespace pfgm {

struct BatchSettings : BatchDraw {
  double gamma = 5;
  Perturbation perturbation;
};

struct Batch {
  at::Tensor x;       // [perturbed, ...] float32
  at::Tensor z;       // [perturbed]
  at::Tensor target;  // [perturbed, N + 1], of an image [perturbed, N]
  at::Tensor weight;  // [perturbed] float32: what a point counts by in the loss; undefined where all by 1
  at::Tensor labels;  // [perturbed] int64, kNoLabel for none; undefined where the data have none
};

// A batch on a device, a function of (seed, step) alone. data [items, ...] uint8 or float32.
Batch make_batch(const at::Tensor& data, const BatchSettings& settings, at::Device device);

}  // namespace pfgm
