// Second part of a training step: what becomes of the gradients before the update. Gradients of several
// processes would be added here.
#pragma once

#include <ATen/core/Tensor.h>

namespace pfgm {

struct Reduced {
  double loss = 0;
  double gradient_norm = 0;  // Euclidean, in float64; the same to the bit for any number of threads
  bool finite = true;        // both of them
};

Reduced reduce(const at::Tensor& loss, const at::Tensor& gradients);

}  // namespace pfgm
