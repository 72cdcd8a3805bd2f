#include "nn/network.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "nn/autocast.h"
#include "nn/network_plan.h"
#include "runtime/tiles.h"

namespace pfgm {

int64_t Network::dimensions() const {
  return std::accumulate(shape_.begin(), shape_.end(), int64_t(1), std::multiplies<>());
}

std::vector<int64_t> Network::batch_shape(int64_t count) const {
  std::vector<int64_t> shape = shape_;
  shape.insert(shape.begin(), count);
  return shape;
}

int64_t Network::trained_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_)
    if (parameter.trained) count += parameter.value.numel();
  return count;
}

at::Device Network::device() const {
  return parameters_.front().value.device();
}

void Network::require_grad() {
  for (Parameter& parameter : parameters_)
    if (parameter.trained) parameter.value.requires_grad_(true);
}

nn::NetworkPlan* Network::plan(Precision precision) const {
  auto& [plan, is_known] = planned_[precision == Precision::kBfloat16];
  if (!is_known || (plan && !plan->is_current(*this))) {
    plan.reset();  // before the next one, for the memory
    plan = make_plan(precision);
    is_known = true;
  }
  return plan.get();
}

namespace {

// Items of a tile where samples on a device are to be deterministic.
constexpr int64_t kDeviceTile = 64;

// Rows [first, first + tile) of a tensor, the last row repeated beyond its end.
at::Tensor padded_rows(const at::Tensor& tensor, int64_t first, int64_t tile) {
  const int64_t there = std::min(tile, tensor.size(0) - first);
  const at::Tensor rows = tensor.narrow(0, first, there);
  if (there == tile) return rows;
  std::vector<int64_t> shape = tensor.sizes().vec();
  shape[0] = tile;
  at::Tensor padded = at::empty(shape, tensor.options());
  padded.narrow(0, 0, there).copy_(rows);
  padded.narrow(0, there, tile - there)
      .copy_(rows.narrow(0, there - 1, 1).expand_as(padded.narrow(0, there, tile - there)));
  return padded;
}

}  // namespace

Field infer(const Network& network, const at::Tensor& x, const at::Tensor& z, const at::Tensor& labels,
            bool deterministic, Precision precision) {
  const at::NoGradGuard no_grad;
  const at::Device device = network.device();
  if (device.is_cpu())
    if (nn::NetworkPlan* plan = network.plan(precision))
      return plan->evaluate(x.contiguous(), z.contiguous(), labels);
  const int64_t count = x.size(0);
  const int64_t tile = device.is_cpu() ? network.tile()
                       : deterministic ? kDeviceTile
                                       : std::max<int64_t>(count, 1);
  const int64_t tiles = (count + tile - 1) / tile;
  Field out{at::empty_like(x), {}};
  if (network.output() == Output::kField) out.z = at::empty_like(z);
  const auto evaluate = [&](int64_t i) {
    const at::NoGradGuard no_grad_here;  // the guard outside is its thread's alone
    const nn::Autocast rounded(device, precision);
    const int64_t first = i * tile, rows = std::min(tile, count - first);
    Mode mode;
    if (labels.defined()) mode.labels = padded_rows(labels, first, tile).to(device);
    const Field part =
        network.forward(padded_rows(x, first, tile).to(device), padded_rows(z, first, tile).to(device), mode);
    out.x.narrow(0, first, rows).copy_(part.x.narrow(0, 0, rows));
    if (part.z.defined()) out.z.narrow(0, first, rows).copy_(part.z.narrow(0, 0, rows));
  };
  if (device.is_cpu()) for_each_tile(tiles, evaluate);
  // A device's own work runs in the order in which one thread asks for it.
  else
    for (int64_t i = 0; i < tiles; ++i) evaluate(i);
  return out;
}

}  // namespace pfgm
