// Energy distances.
#pragma once

#include <ATen/core/Tensor.h>

#include "metrics/estimate.h"

namespace pfgm {

// Mean Euclidean distance between the rows of a and of b; `skip_diagonal` leaves out row i against row i.
double mean_distance(const at::Tensor& a, const at::Tensor& b, bool skip_diagonal);

// Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of samples X to data Y. The samples' own diagonal is
// left out (a perfect sampler then scores 0), the data's is kept (the data are the target).
double energy_distance(const at::Tensor& samples, const at::Tensor& data);

// With its error over the samples, of which there are at least 20.
Estimate energy_estimate(const at::Tensor& samples, const at::Tensor& data);

}  // namespace pfgm
