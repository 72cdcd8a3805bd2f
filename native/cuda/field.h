// The field's kernels on tensors: where x lies on a GPU its current stream runs them, on the CPU their code
// runs lane by lane (slow: for tests).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pfgm::cuda {

struct FieldResult {
  at::Tensor target;     // [b, N + 1] float32
  int64_t exact_groups;  // of 4 x 4 pairs that took the exact pass; -1 on a GPU, which does not count them
};

// As pfgm::field_target of field/field.h, and as exact; its arguments were checked there.
FieldResult field_target(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z, double gamma);

// -> [b, B, 2] float64: the screen's lower bound of |q - s_i|^2 + z^2, and the error that it allows for.
at::Tensor screen(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z);

}  // namespace pfgm::cuda
