// Flows along dx / d(ln sigma) = x - d(x, sigma), d the denoised image: EDM's, PFGM++'s and those of SDEs, in
// coordinates in which x is data and noise of deviation sigma.
#pragma once

#include <memory>

#include "flow/flow.h"
#include "flow/inference.h"
#include "flow/scales.h"

namespace pfgm {

// A network that gives what is denoised is d itself.
std::shared_ptr<Flow> make_denoising_flow(std::shared_ptr<Network> network,
                                          std::shared_ptr<const Scales> scales, const Inference& inference);

}  // namespace pfgm
