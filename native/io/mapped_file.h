// Tensors whose values stay in a file.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace pfgm {

// The values of a file from byte `offset` on, mapped: they are read as they are used, and what the system
// read it may forget again. `bytes` is how many there should be, the product of the shape and the type's
// size.
at::Tensor map_values(const std::string& path, at::ScalarType type, const std::vector<int64_t>& shape,
                      int64_t offset, double bytes);

}  // namespace pfgm
