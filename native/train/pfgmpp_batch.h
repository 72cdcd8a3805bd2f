// One training batch of PFGM++ or EDM, from the data set to what the network is to give.
#pragma once

#include <vector>

#include "flow/pfgmpp.h"
#include "train/batch.h"

namespace pfgm {

struct PfgmppBatchSettings : BatchDraw {
  Preconditioning scales;
  double d = 128;          // extra dimensions, or infinite
  double log_mean = -1.2;  // of ln sigma, which is normal
  double log_deviation = 1.2;
  // Whether the target is the mean of the references that a point may come from, instead of the one that it
  // came from (arXiv 2302.04265, section 3.1; Xu, Tong and Jaakkola, arXiv 2302.00670).
  bool posterior = false;
  bool published_draw = false;  // as perturb_by_kernel has it
};

// x = c_in (y + noise), z = ln(sigma) / 4, and the target (y - c_skip (y + noise)) / c_out: half the squared
// error of a network that is trained on it is half EDM's weighted loss (arXiv 2206.00364, eq. 8). A function
// of (seed, step) alone.
Batch make_pfgmpp_batch(const at::Tensor& data, const PfgmppBatchSettings& settings, at::Device device);

// The same of points [b, N] float64 at their sigmas and what is learned there, float64; on the host.
Batch preconditioned(const at::Tensor& points, const at::Tensor& learned, const std::vector<double>& sigmas,
                     const Preconditioning& scales);

}  // namespace pfgm
