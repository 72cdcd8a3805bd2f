#include "metrics/errors.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/grain.h"

namespace pfgm {
namespace {

at::Tensor numbers(const at::Tensor& values) {
  return values.flatten(1).to(at::kCPU, at::kDouble).contiguous();
}

}  // namespace

PixelErrors pixel_errors(const at::Tensor& values, const at::Tensor& converged, bool clip,
                         const std::vector<double>& shares) {
  if (values.size(0) != converged.size(0) || values.numel() != converged.numel() || values.numel() == 0)
    throw Error("ERR_PFGM_ARGUMENT", "Expected as many values as converged ones, at least one of each");
  const at::Tensor left = numbers(values), right = numbers(converged);
  const int64_t count = left.size(0), dimensions = left.size(1);
  const double* a = left.const_data_ptr<double>();
  const double* b = right.const_data_ptr<double>();
  const auto seen = [clip](double value) { return clip ? std::clamp(value, -1.0, 1.0) : value; };
  std::vector<double> errors(count * dimensions);
  PixelErrors result{std::vector<double>(count), {}};
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      double sum = 0;
      for (int64_t c = i * dimensions; c < (i + 1) * dimensions; ++c) {
        const double error = std::abs(seen(a[c]) - seen(b[c])) / 2;
        errors[c] = std::isnan(error) ? INFINITY : error;
        sum += errors[c];
      }
      result.samples[i] = sum / double(dimensions);
    }
  });
  for (const double share : shares) {
    const auto place = errors.begin() +
                       std::min<int64_t>(int64_t(errors.size()) - 1, int64_t(share * double(errors.size())));
    std::nth_element(errors.begin(), place, errors.end());
    result.quantiles.push_back(*place);
  }
  return result;
}

std::vector<double> mean_norms(const at::Tensor& states, const at::Tensor& denoised,
                               const std::vector<PlaceTerms>& sums) {
  if (states.dim() != 3 || states.numel() == 0 || states.sizes() != denoised.sizes() ||
      states.scalar_type() != at::kDouble || denoised.scalar_type() != at::kDouble || !states.is_cpu() ||
      !denoised.is_cpu())
    throw Error("ERR_PFGM_ARGUMENT", "Expected states and denoised ones to be float64 [places, samples, N]");
  const at::Tensor all_x = states.contiguous(), all_d = denoised.contiguous();
  const int64_t places = states.size(0), count = states.size(1), dimensions = states.size(2);
  for (const PlaceTerms& sum : sums)
    for (const int64_t place : sum.places)
      if (place < 0 || place >= places)
        throw Error("ERR_PFGM_ARGUMENT", "Expected places from 0 to " + std::to_string(places - 1));
  const double* x = all_x.const_data_ptr<double>();
  const double* d = all_d.const_data_ptr<double>();
  std::vector<double> means(sums.size());
  at::parallel_for(0, int64_t(sums.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t j = first; j < last; ++j) {
      const PlaceTerms& sum = sums[j];
      double total = 0;
      for (int64_t sample = 0; sample < count; ++sample) {
        double square = 0;
        for (int64_t c = 0; c < dimensions; ++c) {
          double value = 0;
          for (size_t t = 0; t < sum.places.size(); ++t) {
            const int64_t at = (sum.places[t] * count + sample) * dimensions + c;
            value += sum.of_state[t] * x[at] + sum.of_denoised[t] * d[at];
          }
          square += value * value;
        }
        total += std::sqrt(square / double(dimensions));
      }
      means[j] = total / double(count);
    }
  });
  return means;
}

}  // namespace pfgm
