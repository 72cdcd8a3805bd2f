#include "train/backward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <string>

#include "runtime/error.h"

namespace pfgm {

at::Tensor squared_loss(const Network& network, const at::Tensor& x, const at::Tensor& z,
                        const at::Tensor& target, const Mode& mode) {
  const int64_t count = x.size(0), dimensions = count ? x.numel() / count : 0;
  const bool vertical = network.output() == Output::kField;
  const int64_t columns = dimensions + (vertical ? 1 : 0);
  if (count == 0 || target.dim() != 2 || target.size(0) != count || target.size(1) != columns)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected target to be [" + std::to_string(count) + ", " + std::to_string(columns) + "]");
  const at::AutoGradMode with_grad(true);
  const Field field = network.forward(x, z, mode);
  const at::Tensor error_x = field.x.reshape({count, dimensions}) - target.slice(1, 0, dimensions);
  at::Tensor squares = (error_x * error_x).sum();
  if (vertical) {
    const at::Tensor error_z = field.z - target.select(1, dimensions);
    squares = squares + (error_z * error_z).sum();
  }
  return squares * (0.5 / double(count));
}

at::Tensor backward(const Network& network, at::Tensor& gradients, const at::Tensor& x, const at::Tensor& z,
                    const at::Tensor& target, const Mode& mode) {
  gradients.zero_();
  const at::Tensor loss = squared_loss(network, x, z, target, mode);
  loss.backward();
  return loss;
}

}  // namespace pfgm
