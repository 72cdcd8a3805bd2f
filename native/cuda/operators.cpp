#include "cuda/operators.h"

#include <ATen/ops/argsort.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>

#include "cuda/launch.h"
#include "runtime/error.h"

#ifdef PFGM_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
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

at::Tensor rows(const at::Tensor& values, at::ScalarType type, const at::Device& device) {
  return values.detach().to(device, type).contiguous();
}

bool starts_at_16_bytes(const at::Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 16 == 0;
}

// A problem and the tensors that it points into.
struct Field {
  at::Tensor sources, x, z, centre, nearby, order, weighted, minima, weights, target;
  FieldProblem problem{};

  Field(const at::Tensor& given_sources, const at::Tensor& given_x, const at::Tensor& given_z, double gamma)
      : sources(rows(given_sources, at::kFloat, given_x.device())),
        x(rows(given_x, at::kFloat, given_x.device())),
        z(rows(given_z, at::kFloat, given_x.device())) {
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

Terms terms(const Combination& y, const std::vector<at::Tensor>& k) {
  if (y.of_k.size() > k.size() || k.size() > size_t(kMaxSlots))
    throw Error("ERR_PFGM_ARGUMENT", "Expected at most " +
                                         std::to_string(std::min<size_t>(k.size(), kMaxSlots)) +
                                         " coefficients, but received " + std::to_string(y.of_k.size()));
  Terms terms{};
  terms.of_x = y.of_x.front();
  for (size_t j = 0; j < y.of_k.size(); ++j) {
    if (y.of_k[j] == 0) continue;
    terms.of_k[terms.count] = y.of_k[j];
    terms.k[terms.count++] = k[j].const_data_ptr<double>();
  }
  return terms;
}

// Checks what a stage is made of and gives the steps on x's device.
at::Tensor stage_steps(const at::Tensor& x, const std::vector<at::Tensor>& k,
                       const std::vector<double>& steps) {
  const auto fits = [&](const at::Tensor& each) {
    return each.dim() == 2 && each.sizes() == x.sizes() && each.scalar_type() == at::kDouble &&
           each.is_contiguous() && each.device() == x.device();
  };
  if (!fits(x) || !std::all_of(k.begin(), k.end(), fits))
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected x and every k to be float64 of one shape [b, N], on one device");
  if (int64_t(steps.size()) != x.size(0))
    throw Error("ERR_PFGM_ARGUMENT", "Expected one step a row, " + std::to_string(x.size(0)) +
                                         ", but received " + std::to_string(steps.size()));
  return at::tensor(steps, at::kDouble).to(x.device());
}

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

at::Tensor prior(const std::vector<uint64_t>& keys, int64_t dimensions, double z_max, double upper_norm,
                 const at::Device& device) {
  const int64_t count = int64_t(keys.size());
  const at::Tensor starts = at::empty({count, dimensions}, at::TensorOptions(device).dtype(at::kDouble));
  const at::Tensor given = at::tensor(std::vector<int64_t>(keys.begin(), keys.end()), at::kLong).to(device);
  const auto* data = reinterpret_cast<const uint64_t*>(given.const_data_ptr<int64_t>());
  run(PriorProblem{data, count, dimensions, z_max, upper_norm, starts.mutable_data_ptr<double>()}, device);
  return starts;
}

Perturbed perturb(const at::Tensor& y, uint64_t seed, uint64_t batch, const Perturbation& settings) {
  const int64_t count = y.size(0), dimensions = count ? y.numel() / count : 0;
  const at::Tensor data = rows(y, at::kFloat, y.device());
  Perturbed out{at::empty(data.sizes(), data.options()), at::empty({count}, data.options())};
  run(PerturbationProblem{data.const_data_ptr<float>(), count, dimensions, seed, batch, settings.sigma,
                          settings.tau, settings.M, settings.restrict_M, out.x.mutable_data_ptr<float>(),
                          out.z.mutable_data_ptr<float>()},
      y.device());
  return out;
}

at::Tensor combine(const at::Tensor& x, const std::vector<at::Tensor>& k, const Combination& y,
                   const std::vector<double>& steps) {
  const at::Tensor given = stage_steps(x, k, steps), out = at::empty(x.sizes(), x.options());
  run(CombinationProblem{x.const_data_ptr<double>(), given.const_data_ptr<double>(), x.size(0), x.size(1),
                         terms(y, k), out.mutable_data_ptr<double>()},
      x.device());
  return out;
}

at::Tensor norms(const at::Tensor& x, const std::vector<at::Tensor>& k, const Combination& y,
                 const Combination* next, const std::vector<double>& steps, double atol, double rtol) {
  const at::Tensor given = stage_steps(x, k, steps), sums = at::empty({x.size(0)}, x.options());
  run(NormProblem{x.const_data_ptr<double>(), given.const_data_ptr<double>(), x.size(0), x.size(1),
                  terms(y, k), terms(next ? *next : Combination{}, k), atol, rtol,
                  sums.mutable_data_ptr<double>()},
      x.device());
  return sums;
}

}  // namespace pfgm::cuda
