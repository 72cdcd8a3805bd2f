#include "cuda/field.h"

#include <ATen/ops/argsort.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "cuda/field_problem.h"
#include "cuda/launch.h"
#include "cuda/run.h"
#include "runtime/error.h"

#ifdef PFGM_CUDA
#include <c10/cuda/CUDAGuard.h>
#endif

namespace pfgm::cuda {
namespace {

// What the sums of all splits may take.
constexpr int64_t kSumBytes = int64_t(1) << 28;
// Blocks to spread the work over where the tile code runs on the host: enough for splits to be merged.
constexpr int64_t kHostBlocks = 4;

int64_t divide_up(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}

int64_t blocks_wanted(const at::Device& device) {
#ifdef PFGM_CUDA
  if (device.is_cuda()) {
    const c10::cuda::CUDAGuard guard(device);
    return resident_blocks();
  }
#endif
  (void)device;
  return kHostBlocks;
}

bool starts_at_16_bytes(const at::Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 16 == 0;
}

// A problem and the tensors that it points into.
struct Field {
  at::Tensor sources, x, z, centre, nearby, order, weighted, minima, weights, target;
  FieldProblem problem{};

  Field(const at::Tensor& given_sources, const at::Tensor& given_x, const at::Tensor& given_z, double gamma)
      : sources(float_rows(given_sources, given_x.device())),
        x(float_rows(given_x, given_x.device())),
        z(float_rows(given_z, given_x.device())) {
    const int64_t source_count = sources.size(0), count = x.size(0);
    const int64_t dimensions = source_count ? sources.numel() / source_count : 0;
    if (source_count == 0 || dimensions == 0)
      throw Error("ERR_PFGM_ARGUMENT", "Expected at least one source of at least one dimension");
    if (x.numel() != count * dimensions || z.numel() != count)
      throw Error("ERR_PFGM_ARGUMENT",
                  "Expected x to have rows as long as those of sources, and one z a row");
    const auto options = x.options();
    centre = at::empty({dimensions}, options);
    target = at::empty({count, dimensions + 1}, options);

    const int64_t query_tiles = divide_up(count, kQueries), source_tiles = divide_up(source_count, kSources);
    const int64_t wanted = divide_up(blocks_wanted(x.device()), std::max<int64_t>(query_tiles, 1));
    const int64_t affordable = kSumBytes / std::max<int64_t>(count * dimensions * sizeof(double), 1);
    const int64_t splits =
        std::clamp<int64_t>(std::min(wanted, affordable), 1, std::min(source_tiles, kMaxSplits));
    const int64_t tiles_a_split = divide_up(source_tiles, splits);
    problem.splits = divide_up(source_tiles, tiles_a_split);
    problem.sources_a_split = tiles_a_split * kSources;
    const auto doubles = options.dtype(at::kDouble);
    weighted = at::zeros({problem.splits, count, dimensions}, doubles);
    nearby = at::empty({count}, doubles);
    minima = at::empty({problem.splits, count}, doubles);
    weights = at::empty({problem.splits, count}, doubles);

    problem.sources = sources.const_data_ptr<float>();
    problem.x = x.const_data_ptr<float>();
    problem.z = z.const_data_ptr<float>();
    problem.source_count = source_count;
    problem.count = count;
    problem.dimensions = dimensions;
    problem.gamma = gamma;
    problem.aligned = dimensions % 4 == 0 && starts_at_16_bytes(sources);  // the others are allocated here
    problem.reach = reach(dimensions);
    problem.centre = centre.mutable_data_ptr<float>();
    problem.nearby = nearby.mutable_data_ptr<double>();
    problem.weighted = weighted.mutable_data_ptr<double>();
    problem.minima = minima.mutable_data_ptr<double>();
    problem.weights = weights.mutable_data_ptr<double>();
    problem.target = target.mutable_data_ptr<float>();

    if (count > 0) sort_queries();
  }

 private:
  // By the distance to a source, so that the queries of a tile need much the same sources.
  void sort_queries() {
    run(PreparationProblem{problem}, x.device());
    order = at::argsort(nearby);
    x = x.index_select(0, order);
    z = z.reshape({problem.count}).index_select(0, order);
    nearby = nearby.index_select(0, order);
    problem.order = order.const_data_ptr<int64_t>();
    problem.x = x.const_data_ptr<float>();
    problem.z = z.const_data_ptr<float>();
    problem.nearby = nearby.mutable_data_ptr<double>();
  }
};

}  // namespace

FieldResult field_target(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z, double gamma) {
  Field field(sources, x, z, gamma);
  FieldResult result{field.target, -1};
  if (field.problem.count == 0) return result;
  if (x.is_cpu())
    result.exact_groups = emulate(field.problem);
  else
    run(field.problem, x.device());
  return result;
}

at::Tensor screen(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z) {
  const Field field(sources, x, z, 0);
  const at::Tensor bounds =
      at::empty({field.problem.count, field.problem.source_count, 2}, field.x.options().dtype(at::kDouble));
  if (field.problem.count > 0)
    run(ScreenProblem{field.problem, bounds.mutable_data_ptr<double>()}, x.device());
  return bounds;
}

}  // namespace pfgm::cuda
