// What launching needs: errors of the CUDA runtime as exceptions, and sizes of grids.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>

#include "runtime/error.h"

namespace pfgm::cuda {

inline void check(cudaError_t status) {
  if (status != cudaSuccess)
    throw Error("ERR_PFGM_LIBTORCH", std::string("CUDA: ") + cudaGetErrorString(status));
}

inline unsigned blocks_of(int64_t items, int64_t a_block) {
  const int64_t blocks = (items + a_block - 1) / a_block;
  if (blocks > INT32_MAX) throw Error("ERR_PFGM_ARGUMENT", "Expected fewer rows: a grid has 2^31 - 1 blocks");
  return unsigned(blocks);
}

}  // namespace pfgm::cuda
