// A flow at the states of pools.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ode/trajectories.h"

namespace pfgm {

// Where a flow is evaluated for a pool: at y and heights, for the rows in `places` or all; `slot` keeps its
// view, and `other_side`, if there is one, that of Drift::other_side.
struct Evaluation {
  std::shared_ptr<Trajectories> pool;
  int64_t slot;
  std::optional<int64_t> other_side;
  Combination y;
  std::vector<double> steps;
  std::vector<double> heights;
  Trajectories::Places places;
  View view;
};

// Evaluates a flow for different pools of one queue in one call. -> Drift::outside of all rows, pool after
// pool.
std::vector<char> evaluate(const Flow& flow, const std::vector<Evaluation>& evaluations);

}  // namespace pfgm
