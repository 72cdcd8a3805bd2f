// The Inception network by which Frechet distances and Inception scores are published.
#pragma once

#include <memory>

#include "metrics/features.h"

namespace pfgm {

// Of zeros, with pytorch-fid's names of tensors: Inception v3 as TensorFlow's graph of 2015-12-05 computes
// it. Features [n, 2048] are what its last pool gives; probabilities [n, 1008] are its classifier's without
// the bias, which published scores leave out.
std::shared_ptr<FeatureNetwork> make_inception();

}  // namespace pfgm
