// One training batch of a Poisson flow, from the data set to the field's targets.
#pragma once

#include "flow/pfgm.h"

namespace pfgm {

struct BatchSettings {
  uint64_t seed = 0;
  uint64_t step = 0;        // which batch of the run
  int64_t sources = 512;    // items whose charges make the field
  int64_t perturbed = 128;  // the first of them, which are perturbed
  bool whole_data = false;  // every item of the data is a source, also mirrored where images are mirrored
  bool mirror = false;      // flip each image left to right with probability 1/2
  double gamma = 5;
  Perturbation perturbation;
};

struct Batch {
  at::Tensor x;       // [perturbed, ...] float32
  at::Tensor z;       // [perturbed]
  at::Tensor target;  // [perturbed, N + 1]
};

// Batch `step` of an endless shuffle of the data (every item once an epoch), a function of (seed, step)
// alone, on a device. data [items, ...] uint8 or float32.
Batch make_batch(const at::Tensor& data, const BatchSettings& settings, at::Device device);

}  // namespace pfgm
