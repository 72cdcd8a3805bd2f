// The perturbation's kernel: a warp a row, the arithmetic in perturbation_row.h.
#include "cuda/device_block.h"
#include "cuda/launch.h"
#include "cuda/status.h"

namespace pfgm::cuda {
namespace {

__global__ void __launch_bounds__(kThreads) perturbation_kernel(PerturbationProblem problem) {
  const int64_t row = int64_t(blockIdx.x) * kWarps + threadIdx.x / kLanes;
  DeviceWarp warp{int(threadIdx.x) / kLanes};
  if (row < problem.count) perturb_row(warp, problem, row);
}

}  // namespace

void launch(const PerturbationProblem& problem, cudaStream_t stream) {
  if (problem.count == 0) return;
  perturbation_kernel<<<blocks_of(problem.count, kWarps), kThreads, 0, stream>>>(problem);
  check(cudaGetLastError());
}

}  // namespace pfgm::cuda
