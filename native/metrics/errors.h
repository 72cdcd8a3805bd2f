// How far samples are from others: the figures that solvers are compared and searched by.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pfgm {

struct PixelErrors {
  std::vector<double> samples;    // the mean of each sample
  std::vector<double> quantiles;  // of all pixels, one a share that was asked for
};

// |values - converged| / 2, so that data values of [-1, 1] count as pixels in [0, 1]; infinite where one is
// not a number. values, converged [b, ...], of as many numbers a row; `clip` takes both as they are seen, in
// [-1, 1]. A quantile is the error that a share of all are below, 0 <= share <= 1.
PixelErrors pixel_errors(const at::Tensor& values, const at::Tensor& converged, bool clip,
                         const std::vector<double>& shares);

// A sum over places p of state[p] x_p + denoised[p] d_p.
struct PlaceTerms {
  std::vector<int64_t> places;
  std::vector<double> of_state, of_denoised;
};

// For each sum the mean over the samples of its root mean square. states, denoised: [places, samples, N]
// float64.
std::vector<double> mean_norms(const at::Tensor& states, const at::Tensor& denoised,
                               const std::vector<PlaceTerms>& sums);

}  // namespace pfgm
