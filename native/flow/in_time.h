// The probability flow of an SDE as it was published: x_t itself, followed in t.
#pragma once

#include <memory>

#include "flow/flow.h"
#include "flow/inference.h"
#include "flow/scales.h"

namespace pfgm {

// dx / d(ln t) = t (f - g^2 score / 2) (arXiv 2011.13456, eq. 13). Throws unless the scales are an SDE's.
std::shared_ptr<Flow> make_flow_in_time(std::shared_ptr<Network> network,
                                        std::shared_ptr<const Scales> scales, const Inference& inference);

}  // namespace pfgm
