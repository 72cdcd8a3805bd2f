#include "flow/pfgmpp.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/grain.h"

namespace pfgm {
namespace {

// A number of the gamma distribution with this shape and scale 1, from block `counter` on (Marsaglia and
// Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000); shapes below 1 by the boost of
// their section 6.
double gamma_number(const Philox& random, uint64_t counter, double shape) {
  double normal[4], uniform[4];
  if (shape < 1) {
    random.uniforms(counter, uniform);
    return gamma_number(random, counter + 1, shape + 1) * std::pow(uniform[0], 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;; counter += 2) {
    random.normals(counter, normal);
    random.uniforms(counter + 1, uniform);
    for (int i = 0; i < 4; ++i) {
      const double root = 1 + c * normal[i];
      if (root <= 0) continue;
      const double cube = root * root * root;
      if (std::log(uniform[i]) < normal[i] * normal[i] / 2 + d - d * cube + d * std::log(cube))
        return d * cube;
    }
  }
}

// As the published training has them.
double published_odds(double odds) {
  constexpr double kEpsilon = 1e-8;
  const double b = std::clamp(odds / (1 + odds), 0.001, 0.999);
  return b / (1 - b + kEpsilon) + kEpsilon;
}

}  // namespace

KernelDraws draw_kernel(int64_t count, int64_t dimensions, double d,
                        const std::function<std::pair<Philox, uint64_t>(int64_t row)>& stream_and_counter) {
  KernelDraws draws{at::empty({count, dimensions}, at::kDouble), {}};
  const bool finite = std::isfinite(d);
  if (finite) draws.odds = at::empty({count}, at::kDouble);
  double* gaussian = draws.gaussian.mutable_data_ptr<double>();
  double* odds = finite ? draws.odds.mutable_data_ptr<double>() : nullptr;
  const uint64_t blocks = uint64_t(dimensions + 3) / 4;  // of four normals, a row
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const auto [random, counter] = stream_and_counter(i);
      double* row = gaussian + i * dimensions;
      random.fill_normals(counter, dimensions, row);
      if (!finite) continue;
      double square = 0;  // chi-square of N degrees, and independent of the direction
      for (int64_t c = 0; c < dimensions; ++c) square += row[c] * row[c];
      odds[i] = square / (2 * gamma_number(random, counter + blocks, d / 2));
    }
  });
  return draws;
}

at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<double>& sigmas, const KernelDraws& draws,
                             double d, bool published) {
  const int64_t count = y.size(0), dimensions = y.size(1);
  at::Tensor points = y.clone();
  double* out = points.mutable_data_ptr<double>();
  const double* gaussian = draws.gaussian.const_data_ptr<double>();
  const double* odds = draws.odds.defined() ? draws.odds.const_data_ptr<double>() : nullptr;
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const double* row = gaussian + i * dimensions;
      double factor = sigmas[i];
      if (odds) {
        double square = 0;
        for (int64_t c = 0; c < dimensions; ++c) square += row[c] * row[c];
        factor *= std::sqrt(d * (published ? published_odds(odds[i]) : odds[i]) / square);
      }
      for (int64_t c = 0; c < dimensions; ++c) out[i * dimensions + c] += factor * row[c];
    }
  });
  return points;
}

at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<uint64_t>& keys, double sigma, double d) {
  const auto stream_and_counter = [&keys](int64_t row) {
    return std::pair(Philox(keys[row], uint64_t(Purpose::kPrior) << 32), uint64_t(0));
  };
  const KernelDraws draws = draw_kernel(y.size(0), y.size(1), d, stream_and_counter);
  return perturb_by_kernel(y, std::vector<double>(keys.size(), sigma), draws, d);
}

}  // namespace pfgm
