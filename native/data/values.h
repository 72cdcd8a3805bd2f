// What the numbers of data stand for.
#pragma once

#include <ATen/core/Tensor.h>

namespace pfgm {

// The values an item stands for: float32, uint8 pixels v as v / 127.5 - 1.
at::Tensor as_values(const at::Tensor& items);

}  // namespace pfgm
