#include "train/batch.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "cuda/perturbation.h"
#include "data/values.h"
#include "field/field.h"
#include "random/philox.h"
#include "runtime/error.h"
#include "train/epoch_order.h"

namespace pfgm {
namespace {

// Items step * wanted … of the endless sequence of shuffled epochs.
std::vector<int64_t> batch_items(const BatchSettings& settings, int64_t wanted, int64_t count) {
  std::vector<int64_t> items;
  items.reserve(wanted);
  uint64_t position = settings.step * uint64_t(wanted);
  while (int64_t(items.size()) < wanted) {
    const uint64_t first = position % uint64_t(count);
    const EpochOrder order = epoch_order(settings.seed, position / uint64_t(count), count);
    const uint64_t taken = std::min(uint64_t(wanted) - items.size(), uint64_t(count) - first);
    items.insert(items.end(), order->begin() + first, order->begin() + first + taken);
    position += taken;
  }
  return items;
}

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
  const at::NoGradGuard no_grad;
  const int64_t count = data.size(0);
  if (count < 1 || data.numel() == 0) throw Error("ERR_PFGM_ARGUMENT", "Expected data of at least one item");
  if (settings.sources < 1 || settings.perturbed < 1 || settings.perturbed > settings.sources)
    throw Error("ERR_PFGM_ARGUMENT", "Expected perturbed to be from 1 to sources");
  const int64_t wanted = settings.whole_data ? settings.perturbed : settings.sources;
  std::vector<int64_t> chosen = batch_items(settings, wanted, count);
  at::Tensor items = data.index_select(0, at::tensor(chosen, at::kLong).to(data.device()));
  if (settings.mirror && items.dim() == 4) {
    const Philox random(settings.seed, (uint64_t(Purpose::kMirror) << 48) | settings.step);
    std::vector<int64_t> flips(wanted);
    uint32_t raw[4];
    for (int64_t i = 0; i < wanted; ++i) {
      random.bits(uint64_t(i), raw);
      flips[i] = raw[0] & 1;
      if (flips[i]) chosen[i] += count;  // a field's mirrored sources come after the others
    }
    const at::Tensor flipped = at::tensor(flips, at::kLong).to(data.device(), at::kBool).view({-1, 1, 1, 1});
    items = at::where(flipped, items.flip({3}), items);
  }
#ifdef PFGM_CUDA
  if (device.is_cuda()) items = as_values(items).to(device);
#endif
  const Perturbed points = perturbed(as_values(items.slice(0, 0, settings.perturbed)), settings);
  const FieldSources sources =
      settings.whole_data ? FieldSources{data, settings.mirror, chosen} : FieldSources{items, false, {}};
  const at::Tensor target = field_target(sources, points.x, points.z, settings.gamma);
  return {points.x.to(device), points.z.to(device), target.to(device)};
}

}  // namespace pfgm
