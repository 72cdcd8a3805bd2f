// What a training step makes smaller.
#pragma once

#include "nn/network.h"
#include "train/batch.h"

namespace pfgm {

// Throws unless the batch has as many of everything as it has items, and these are the network's.
void check(const Network& network, const Batch& batch);

// So many items of a batch, from the first on.
Batch rows_of(const Batch& batch, int64_t first, int64_t count);

// Of a batch that is checked: the mean over it of half the summed squared error against the target [b, N + 1]
// of a field, or [b, N] of an image, each item by its weight; with labels in the network's pass. Keeps
// gradients.
at::Tensor squared_loss(const Network& network, const Batch& batch, const Mode& mode);

}  // namespace pfgm
