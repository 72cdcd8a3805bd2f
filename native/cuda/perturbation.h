// The perturbation's kernel on tensors: where y lies on a GPU its current stream runs it, on the CPU its code
// runs lane by lane (slow: for tests).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pfgm::cuda {

struct PerturbedRows {
  at::Tensor x;  // as y, float32
  at::Tensor z;  // [b] float32
};

// Draws and perturbs in one; sigma, tau, M and restrict_M as PerturbationProblem (perturbation_row.h) says.
PerturbedRows perturb(const at::Tensor& y, uint64_t seed, uint64_t batch, double sigma, double tau, double M,
                      bool restrict_M);

}  // namespace pfgm::cuda
