// Runs a kernel's problem on the device where its tensors lie: on a GPU on its current stream, on the CPU
// lane by lane (slow: for tests).
#pragma once

#include <ATen/core/Tensor.h>

#include "cuda/launch.h"
#include "runtime/error.h"

#ifdef PFGM_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace pfgm::cuda {

template <class Problem>
void run(const Problem& problem, const at::Device& device) {
  if (device.is_cpu()) {
    emulate(problem);
    return;
  }
#ifdef PFGM_CUDA
  if (device.is_cuda()) {
    const c10::cuda::CUDAGuard guard(device);
    launch(problem, c10::cuda::getCurrentCUDAStream(device.index()));
    return;
  }
#endif
  throw Error("ERR_PFGM_DEVICE", "Built without kernels for " + device.str());
}

// A tensor as kernels read it: float32, row-major, on `device`.
inline at::Tensor float_rows(const at::Tensor& values, const at::Device& device) {
  return values.detach().to(device, at::kFloat).contiguous();
}

}  // namespace pfgm::cuda
