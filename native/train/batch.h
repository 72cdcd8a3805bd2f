// One training batch of a Poisson flow, from the data set to the field's targets.
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
};

// A batch on a device, a function of (seed, step) alone. data [items, ...] uint8 or float32.
Batch make_batch(const at::Tensor& data, const BatchSettings& settings, at::Device device);

}  // namespace pfgm
