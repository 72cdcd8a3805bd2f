// The GPU's kernels on tensors: where x lies on a GPU its current stream runs them, on the CPU their tile
// code runs lane by lane (slow: for tests).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "flow/pfgm.h"
#include "ode/trajectories.h"

namespace pfgm::cuda {

struct FieldResult {
  at::Tensor target;     // [b, N + 1] float32
  int64_t exact_groups;  // of 4 x 4 pairs that took the exact pass; -1 on a GPU, which does not count them
};

// As pfgm::field_target, and as exact; whose arguments were checked there.
FieldResult field_target(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z, double gamma);

// -> [b, B, 2] float64: the screen's lower bound of |q - s_i|^2 + z^2, and the error that it allows for.
at::Tensor screen(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z);

// As pfgm_prior. -> [count, N] float64 on `device`
at::Tensor prior(const std::vector<uint64_t>& keys, int64_t dimensions, double z_max, double upper_norm,
                 const at::Device& device);

// draw_perturbation and perturb in one.
Perturbed perturb(const at::Tensor& y, uint64_t seed, uint64_t batch, const Perturbation& settings);

// A stage's combination, the same for all rows, and a step's error norm, as Trajectories has them. x, k: [b,
// N] float64; steps [b].
at::Tensor combine(const at::Tensor& x, const std::vector<at::Tensor>& k, const Combination& y,
                   const std::vector<double>& steps);
at::Tensor norms(const at::Tensor& x, const std::vector<at::Tensor>& k, const Combination& y,
                 const Combination* next, const std::vector<double>& steps, double atol, double rtol);

}  // namespace pfgm::cuda
