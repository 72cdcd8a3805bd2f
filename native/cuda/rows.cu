// The kernels of rows.h: a warp a row.
#include "cuda/device_block.h"
#include "cuda/launch.h"
#include "cuda/status.h"

namespace pfgm::cuda {
namespace {

__device__ int64_t own_row() {
  return int64_t(blockIdx.x) * kWarps + threadIdx.x / kLanes;
}

__device__ DeviceWarp own_warp() {
  return {int(threadIdx.x) / kLanes};
}

__global__ void __launch_bounds__(kThreads) prior_kernel(PriorProblem problem) {
  DeviceWarp warp = own_warp();
  if (own_row() < problem.count) prior_row(warp, problem, own_row());
}

__global__ void __launch_bounds__(kThreads) perturbation_kernel(PerturbationProblem problem) {
  DeviceWarp warp = own_warp();
  if (own_row() < problem.count) perturb_row(warp, problem, own_row());
}

__global__ void __launch_bounds__(kThreads)
    combination_kernel(const __grid_constant__ CombinationProblem problem) {
  DeviceWarp warp = own_warp();
  if (own_row() < problem.count) combine_row(warp, problem, own_row());
}

__global__ void __launch_bounds__(kThreads) norm_kernel(const __grid_constant__ NormProblem problem) {
  DeviceWarp warp = own_warp();
  if (own_row() < problem.count) norm_row(warp, problem, own_row());
}

template <class Problem>
void launch_rows(void (*kernel)(Problem), const Problem& problem, cudaStream_t stream) {
  if (problem.count == 0) return;
  kernel<<<blocks_of(problem.count, kWarps), kThreads, 0, stream>>>(problem);
  check(cudaGetLastError());
}

}  // namespace

void launch(const PriorProblem& problem, cudaStream_t stream) {
  launch_rows(prior_kernel, problem, stream);
}
void launch(const PerturbationProblem& problem, cudaStream_t stream) {
  launch_rows(perturbation_kernel, problem, stream);
}
void launch(const CombinationProblem& problem, cudaStream_t stream) {
  launch_rows<CombinationProblem>(combination_kernel, problem, stream);
}
void launch(const NormProblem& problem, cudaStream_t stream) {
  launch_rows<NormProblem>(norm_kernel, problem, stream);
}

}  // namespace pfgm::cuda
