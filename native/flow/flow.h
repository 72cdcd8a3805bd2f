// A flow answers one question: at height z, which way is the data?
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "nn/network.h"

namespace pfgm {

struct Drift {
  at::Tensor value;  // dx / d(ln z), as x
  // Where it was asked for and the flow has a height at which its formula changes: the drift by the formula
  // of the other side for the rows above it and just below; as `value` further down.
  at::Tensor other_side;
  std::vector<char> outside;  // [b]: the sample has left the region the network was trained on
};

class Flow {
 public:
  virtual ~Flow() = default;
  // x [b, N] float64 on the host; heights: one z a sample; samples: which of its pool's trajectories a row
  // is, for flows that treat them differently.
  virtual Drift drift(const at::Tensor& x, const std::vector<double>& heights,
                      const std::vector<int64_t>& samples, bool both_sides = false) const = 0;
};

}  // namespace pfgm
