// One training batch of a flow towards a denoised image, from the data set to what the network is to give.
#pragma once

#include <memory>
#include <vector>

#include "flow/pfgmpp.h"
#include "flow/scales.h"
#include "train/batch.h"

namespace pfgm {

struct DenoisingBatchSettings : BatchDraw {
  std::shared_ptr<const Scales> scales;
  double d = 128;  // extra dimensions of the kernel, or infinite: Gaussian noise
  // Whether the target is the mean of the references that a point may come from, instead of the one that it
  // came from (arXiv 2302.04265, section 3.1; Xu, Tong and Jaakkola, arXiv 2302.00670).
  bool posterior = false;
  bool published_draw = false;  // as perturb_by_kernel has it
};

// x = c_in (y + noise), z = c_noise, and the target (y - c_skip (y + noise)) / c_out, each at a sigma of its
// own. A function of (seed, step) alone.
Batch make_denoising_batch(const at::Tensor& data, const DenoisingBatchSettings& settings, at::Device device);

// The same of points [b, N] float64 at their sigmas and what is learned there, float64; on the host.
Batch preconditioned(const at::Tensor& points, const at::Tensor& learned, const std::vector<double>& sigmas,
                     const Scales& scales);

}  // namespace pfgm
