#include "train/batch.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "cuda/perturbation.h"
#include "data/values.h"
#include "runtime/profile.h"

namespace pfgm {
namespace {

// Where the images lie, with the same draws.
Perturbed perturbed(const at::Tensor& y, const BatchSettings& settings) {
#ifdef PFGM_CUDA
  if (y.is_cuda()) {
    const Perturbation& given = settings.perturbation;
    const cuda::PerturbedRows rows =
        cuda::perturb(y, settings.seed, settings.step, given.sigma, given.tau, given.M, given.restrict_M);
    return {rows.x, rows.z};
  }
#endif
  const int64_t count = y.size(0), dimensions = y.numel() / count;
  const PerturbationDraws draws =
      draw_perturbation(settings.seed, settings.step, count, dimensions, settings.perturbation);
  return perturb(y, draws, settings.perturbation.tau);
}

}  // namespace

Batch make_batch(const at::Tensor& data, const BatchSettings& settings, at::Device device) {
  const Span span([] { return std::string("batch"); });
  const at::NoGradGuard no_grad;
  Items chosen = batch_items(data, settings);
  at::Tensor& items = chosen.values;
#ifdef PFGM_CUDA
  if (device.is_cuda()) items = as_values(items).to(device);
#endif
  const Perturbed points = perturbed(as_values(items.slice(0, 0, settings.perturbed)), settings);
  const auto target_at = [&](const FieldSources& sources, const at::Tensor& rows) {
    const at::Tensor places = rows.to(points.x.device());
    return field_target(sources, points.x.index_select(0, places), points.z.index_select(0, places),
                        settings.gamma);
  };
  const at::Tensor target = learned_from_references(data, chosen, settings, target_at);
  return {points.x.to(device), points.z.to(device), target.to(device), {}, chosen.labels};
}

}  // namespace pfgm
