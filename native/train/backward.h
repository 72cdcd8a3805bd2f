// First part of a training step: the loss of a batch and its gradients.
#pragma once

#include "nn/network.h"
#include "train/batch.h"

namespace pfgm {

// The mean over the batch of half the summed squared error against the target [b, N + 1] of a field, or [b,
// N] of an image, each item by its weight; with labels in the network's pass.
at::Tensor squared_loss(const Network& network, const Batch& batch, const Mode& mode);

// The loss; `gradients`, whose views are the parameters' gradients, get what it says.
at::Tensor backward(const Network& network, at::Tensor& gradients, const Batch& batch, const Mode& mode);

}  // namespace pfgm
