// A flow answers one question: at height z, which way is the data?
#pragma once

#include <ATen/core/Tensor.h>

#include <limits>
#include <memory>
#include <vector>

#include "nn/network.h"

namespace pfgm {

// How far a row's path goes beyond what its label asks for (arXiv 2207.12598): d = d_u + weight (d_c - d_u),
// d_c and d_u the denoised with and without the label, at heights above `from` and up to `to` (arXiv
// 2404.07724); d_c at others.
struct Guidance {
  double weight = 1;
  double from = 0;
  double to = std::numeric_limits<double>::infinity();
};

// What a row of a batch of states carries beside its state.
struct Row {
  uint64_t key = 0;          // where its own random numbers come from
  int64_t label = kNoLabel;  // its class
  Guidance guidance;
};
using Rows = std::vector<Row>;

// Labels as networks take them (Mode::labels): undefined where no row has one.
at::Tensor label_tensor(const std::vector<int64_t>& labels);
at::Tensor label_tensor(const Rows& rows);

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

  // x [b, N] float64 on the host; heights: one z a row. Rows have their labels; guided_drift guides them.
  virtual Drift drift(const at::Tensor& x, const std::vector<double>& heights, const Rows& rows,
                      bool both_sides = false) const = 0;

  struct Differentiable {
    at::Tensor value;    // dx / d(ln z), [b, N]
    at::Tensor outside;  // [b, 1] bool
  };
  // The same drift as operations that can be differentiated with respect to x [b, N]; z [b, 1], both float64
  // on the host. On the calling thread, the network in one pass.
  virtual Differentiable differentiable(const at::Tensor& x, const at::Tensor& z,
                                        const at::Tensor& labels) const = 0;

  // The network that it evaluates.
  virtual const Network& network() const = 0;
};

}  // namespace pfgm
