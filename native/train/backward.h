// First part of a training step: the loss of a batch and its gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/network.h"

namespace pfgm {

// Mean over the batch of half the summed squared error of what the network gives. x and z are the network's,
// target [b, N], of a field [b, N + 1].
at::Tensor squared_loss(const Network& network, const at::Tensor& x, const at::Tensor& z,
                        const at::Tensor& target, const Mode& mode);

// The loss. `gradients` is the flat buffer of which the gradients of the network's parameters are views: it
// holds the loss's gradient afterwards.
at::Tensor backward(const Network& network, at::Tensor& gradients, const at::Tensor& x, const at::Tensor& z,
                    const at::Tensor& target, const Mode& mode);

}  // namespace pfgm
