// The field's kernels. All arithmetic is in the headers field_*.h; nothing of torch is needed here.
#include "cuda/device_block.h"
#include "cuda/field_merge.h"
#include "cuda/field_screen.h"
#include "cuda/field_sums.h"
#include "cuda/launch.h"
#include "cuda/status.h"

namespace pfgm::cuda {
namespace {

__global__ void centre_kernel(FieldProblem problem) {
  const int64_t c = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (c < problem.dimensions) problem.centre[c] = centre_coordinate(problem, c);
}

__global__ void __launch_bounds__(kThreads) nearby_kernel(FieldProblem problem) {
  const int64_t query = int64_t(blockIdx.x) * kWarps + threadIdx.x / kLanes;
  DeviceWarp warp{int(threadIdx.x) / kLanes};
  if (query < problem.count) nearby_row(warp, problem, query);
}

// Blocks of one split run side by side and share its sources in the L2 cache.
__global__ void __launch_bounds__(kThreads, kBlocksAMultiprocessor)
    field_kernel(FieldProblem problem, int64_t query_tiles) {
  __shared__ FieldShared shared;
  DeviceBlock block;
  sum_split(block, problem, blockIdx.x % query_tiles, blockIdx.x / query_tiles, shared);
}

__global__ void __launch_bounds__(kThreads) merge_kernel(FieldProblem problem) {
  __shared__ MergeShared shared;
  DeviceBlock block;
  merge_splits(block, problem, blockIdx.x, shared);
}

__global__ void __launch_bounds__(kThreads) screen_kernel(ScreenProblem problem, int64_t query_tiles) {
  __shared__ FieldShared shared;
  DeviceBlock block;
  write_bounds(block, problem, blockIdx.x % query_tiles, blockIdx.x / query_tiles, shared);
}

}  // namespace

void launch(const PreparationProblem& problem, cudaStream_t stream) {
  const FieldProblem& field = problem.field;
  centre_kernel<<<blocks_of(field.dimensions, kThreads), kThreads, 0, stream>>>(field);
  check(cudaGetLastError());
  nearby_kernel<<<blocks_of(field.count, kWarps), kThreads, 0, stream>>>(field);
  check(cudaGetLastError());
}

void launch(const FieldProblem& problem, cudaStream_t stream) {
  const int64_t query_tiles = (problem.count + kQueries - 1) / kQueries;
  field_kernel<<<blocks_of(query_tiles * problem.splits, 1), kThreads, 0, stream>>>(problem, query_tiles);
  check(cudaGetLastError());
  merge_kernel<<<blocks_of(problem.count, 1), kThreads, 0, stream>>>(problem);
  check(cudaGetLastError());
}

void launch(const ScreenProblem& problem, cudaStream_t stream) {
  const int64_t query_tiles = (problem.field.count + kQueries - 1) / kQueries;
  const int64_t source_tiles = (problem.field.source_count + kSources - 1) / kSources;
  screen_kernel<<<blocks_of(query_tiles * source_tiles, 1), kThreads, 0, stream>>>(problem, query_tiles);
  check(cudaGetLastError());
}

int64_t resident_blocks() {
  int device = 0, multiprocessors = 0;
  check(cudaGetDevice(&device));
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  return int64_t(multiprocessors) * kBlocksAMultiprocessor;
}

}  // namespace pfgm::cuda
