// Items of data and of samples, as figures about them take them.
#pragma once

#include <ATen/TensorOperators.h>

#include "binding/arguments.h"
#include "data/values.h"

namespace pfgm {

inline at::Tensor rows_argument(const Argument& argument) {
  const at::Tensor tensor = argument.tensor();
  // Rows of no numbers take no memory, so there may be any number of them.
  if (tensor.dim() < 2 || tensor.numel() == 0)
    argument.expected("a tensor with one item a row, of at least one number");
  return tensor;
}

// Images are compared as a viewer sees them: pixels in [0, 1], clipped.
inline at::Tensor comparable(const at::Tensor& items, bool pixels) {
  const at::Tensor values = as_values(items);
  return pixels ? ((values + 1) / 2).clamp(0, 1) : values;
}

}  // namespace pfgm
