// A part of a network whose activations are not kept for the pass back but made again there.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace pfgm::nn {

// Of an image and the embedding; alike whenever it is asked.
using Part = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& embedding)>;

at::Tensor recomputed(Part part, const at::Tensor& x, const at::Tensor& embedding);

}  // namespace pfgm::nn
