#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <string>

#include "nn/autocast.h"
#include "runtime/error.h"
#include "runtime/profile.h"

namespace pfgm {

void check(const Network& network, const Batch& batch) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", "Expected " + what);
  };
  const auto are = [](const at::Tensor& tensor, at::IntArrayRef shape) {
    return tensor.scalar_type() == at::kFloat && tensor.sizes() == shape;
  };
  const int64_t count = batch.x.dim() > 0 ? batch.x.size(0) : 0;
  const std::string items = std::to_string(count);
  require(count > 0 && are(batch.x, network.batch_shape(count)),
          "x to be float32 of the network's shape, one item a row");
  require(are(batch.z, {count}), "z to be float32 [" + items + "], one number an item");
  const int64_t columns = network.dimensions() + (network.output() == Output::kField ? 1 : 0);
  require(are(batch.target, {count, columns}),
          "target to be float32 [" + items + ", " + std::to_string(columns) + "]");
  for (const at::Tensor* each : {&batch.weight, &batch.labels})
    require(!each->defined() || (each->dim() == 1 && each->numel() == count),
            "a weight and a label an item, " + items);
}

Batch rows_of(const Batch& batch, int64_t first, int64_t count) {
  if (first == 0 && count == batch.x.size(0)) return batch;
  const auto rows = [&](const at::Tensor& all) { return all.defined() ? all.narrow(0, first, count) : all; };
  return {rows(batch.x), rows(batch.z), rows(batch.target), rows(batch.weight), rows(batch.labels)};
}

at::Tensor squared_loss(const Network& network, const Batch& batch, const Mode& mode) {
  const at::Tensor &x = batch.x, &target = batch.target;
  const int64_t count = x.size(0), dimensions = network.dimensions();
  const bool vertical = network.output() == Output::kField;
  const at::AutoGradMode with_grad(true);
  Mode labelled = mode;
  if (batch.labels.defined()) labelled.labels = batch.labels.to(x.device());
  const Span span([&] { return "forward, " + std::to_string(count) + " items"; });
  const bool by_libtorch = !(mode.fuses && x.is_cpu());
  const nn::Autocast rounded(x.device(), by_libtorch ? mode.precision : Precision::kFloat32);
  const Field field = network.forward(x, batch.z, labelled);
  const auto squares = [&](const at::Tensor& given, const at::Tensor& wanted) {
    const at::Tensor error = given.reshape({count, -1}) - wanted;
    if (!batch.weight.defined()) return (error * error).sum();
    return (error * error * batch.weight.unsqueeze(1)).sum();
  };
  at::Tensor sum = squares(field.x, target.slice(1, 0, dimensions));
  if (vertical) sum = sum + squares(field.z, target.slice(1, dimensions));
  return sum * (0.5 / double(count));
}

}  // namespace pfgm
