#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <string>

#include "runtime/error.h"

namespace pfgm {

Batch rows_of(const Batch& batch, int64_t first, int64_t count) {
  if (first == 0 && count == batch.x.size(0)) return batch;
  const auto rows = [&](const at::Tensor& all) { return all.defined() ? all.narrow(0, first, count) : all; };
  return {rows(batch.x), rows(batch.z), rows(batch.target), rows(batch.weight), rows(batch.labels)};
}

at::Tensor squared_loss(const Network& network, const Batch& batch, const Mode& mode) {
  const at::Tensor &x = batch.x, &target = batch.target;
  const int64_t count = x.size(0), dimensions = count ? x.numel() / count : 0;
  const bool vertical = network.output() == Output::kField;
  const int64_t columns = dimensions + (vertical ? 1 : 0);
  if (count == 0 || target.dim() != 2 || target.size(0) != count || target.size(1) != columns)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected target to be [" + std::to_string(count) + ", " + std::to_string(columns) + "]");
  for (const at::Tensor* each : {&batch.weight, &batch.labels})
    if (each->defined() && each->numel() != count)
      throw Error("ERR_PFGM_ARGUMENT", "Expected a weight and a label an item, " + std::to_string(count));
  const at::AutoGradMode with_grad(true);
  Mode labelled = mode;
  if (batch.labels.defined()) labelled.labels = batch.labels.to(x.device());
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
