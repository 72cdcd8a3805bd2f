// Classifier-free guidance, of any flow.
#pragma once

#include <vector>

#include "flow/flow.h"

namespace pfgm {

// Flow::drift with each row's guidance: as x - d is linear in d, so is a drift, and the integral of its
// divergence. Rows that are guided are evaluated twice in the same call, with their labels and without.
Drift guided_drift(const Flow& flow, const at::Tensor& x, const std::vector<double>& heights,
                   const Rows& rows, bool both_sides);

}  // namespace pfgm
