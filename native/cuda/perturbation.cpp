#include "cuda/perturbation.h"

#include <ATen/ops/empty.h>

#include "cuda/run.h"

namespace pfgm::cuda {

PerturbedRows perturb(const at::Tensor& y, uint64_t seed, uint64_t batch, double sigma, double tau, double M,
                      bool restrict_M) {
  const int64_t count = y.size(0), dimensions = count ? y.numel() / count : 0;
  const at::Tensor data = float_rows(y, y.device());
  PerturbedRows out{at::empty(data.sizes(), data.options()), at::empty({count}, data.options())};
  run(PerturbationProblem{data.const_data_ptr<float>(), count, dimensions, seed, batch, sigma, tau, M,
                          restrict_M, out.x.mutable_data_ptr<float>(), out.z.mutable_data_ptr<float>()},
      y.device());
  return out;
}

}  // namespace pfgm::cuda
