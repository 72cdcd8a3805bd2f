// How a flow evaluates its network.
#pragma once

#include <vector>

#include "flow/flow.h"

namespace pfgm {

struct Inference {
  bool deterministic = false;  // whether other devices than the CPU evaluate in tiles of a fixed size, too
  Precision precision = Precision::kFloat32;
  // Rows at this height and below are evaluated in float32 whatever the precision.
  double rounds_above = 0;
};

// As infer(), of rows at these heights.
Field inferred(const Network& network, const at::Tensor& x, const at::Tensor& z, const Rows& rows,
               const std::vector<double>& heights, const Inference& how);

}  // namespace pfgm
