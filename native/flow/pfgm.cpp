#include "flow/pfgm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

#include "flow/pfgm_formula.h"
#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/grain.h"

namespace pfgm {
namespace {

at::Tensor float_tensor(at::IntArrayRef shape) {
  return at::empty(shape, at::kFloat);
}

// A uniform point of the hemisphere, projected from the origin onto the plane at height z: direction g / |g|
// and |x|^2 / z^2 = chi2_N / chi2_1, which is BetaPrime(N/2, 1/2); |x| is clipped to [least, most].
void draw_projected(uint64_t key, int64_t dimensions, double z, double least, double most, double* row) {
  const Philox random(key, uint64_t(Purpose::kPrior) << 32);
  double height[4];
  random.normals(0, height);
  random.fill_normals(1, dimensions, row);
  double square = 0;
  for (int64_t c = 0; c < dimensions; ++c) square += row[c] * row[c];
  const double norm = std::sqrt(square);
  const double radius = std::clamp(z * norm / std::abs(height[0]), least, most);
  for (int64_t c = 0; c < dimensions; ++c) row[c] *= radius / norm;
}

}  // namespace

at::Tensor pfgm_prior(const std::vector<uint64_t>& keys, int64_t dimensions, double z_max,
                      double upper_norm) {
  const int64_t count = int64_t(keys.size());
  at::Tensor starts = at::empty({count, dimensions}, at::kDouble);
  double* out = starts.mutable_data_ptr<double>();
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      draw_projected(keys[i], dimensions, z_max, 1.0, upper_norm, out + i * dimensions);
  });
  return starts;
}

at::Tensor perturb_to(const at::Tensor& y, const std::vector<uint64_t>& keys, double z, double upper_norm) {
  const int64_t count = y.size(0), dimensions = y.size(1);
  at::Tensor points = at::empty_like(y);
  const double* from = y.const_data_ptr<double>();
  double* out = points.mutable_data_ptr<double>();
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      double* row = out + i * dimensions;
      draw_projected(keys[i], dimensions, z, 0.0, upper_norm, row);
      for (int64_t c = 0; c < dimensions; ++c) row[c] += from[i * dimensions + c];
    }
  });
  return points;
}

PerturbationDraws draw_perturbation(uint64_t seed, uint64_t batch, int64_t count, int64_t dimensions,
                                    const Perturbation& settings) {
  PerturbationDraws draws{float_tensor({count, dimensions}), float_tensor({count, dimensions}),
                          float_tensor({count}), float_tensor({count})};
  float* gaussian = draws.gaussian.mutable_data_ptr<float>();
  float* eps_x = draws.eps_x.mutable_data_ptr<float>();
  float* eps_z = draws.eps_z.mutable_data_ptr<float>();
  float* m = draws.m.mutable_data_ptr<float>();
  const uint64_t blocks = uint64_t(dimensions + 3) / 4;  // of four normals, a row
  const uint64_t blocks_a_point = 2 * blocks + 2;
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    const Philox random(seed, (uint64_t(Purpose::kPerturbation) << 48) | batch);
    for (int64_t i = first; i < last; ++i) {
      const uint64_t counter = uint64_t(i) * blocks_a_point;
      random.fill_normals(counter, dimensions, gaussian + i * dimensions);
      random.fill_normals(counter + blocks, dimensions, eps_x + i * dimensions);
      for (int64_t c = 0; c < dimensions; ++c) eps_x[i * dimensions + c] *= float(settings.sigma);
      double normal[4], uniform[4];
      random.normals(counter + 2 * blocks, normal);
      random.uniforms(counter + 2 * blocks + 1, uniform);
      eps_z[i] = float(normal[0] * settings.sigma);
      const bool restricted = settings.restrict_M && std::abs(eps_z[i]) < 0.005f;
      m[i] = float(uniform[0] * (restricted ? std::floor(0.7 * settings.M) : settings.M));
    }
  });
  return draws;
}

Perturbed perturb(const at::Tensor& y, const PerturbationDraws& draws, double tau) {
  const int64_t count = y.size(0), dimensions = count ? y.numel() / count : 0;
  const at::Tensor data = y.to(at::kCPU, at::kFloat).contiguous();
  Perturbed out{at::empty_like(data), float_tensor({count})};
  const float* from = data.const_data_ptr<float>();
  const float* gaussian = draws.gaussian.const_data_ptr<float>();
  const float* eps_x = draws.eps_x.const_data_ptr<float>();
  const float* eps_z = draws.eps_z.const_data_ptr<float>();
  const float* m = draws.m.const_data_ptr<float>();
  float* x = out.x.mutable_data_ptr<float>();
  float* z = out.z.mutable_data_ptr<float>();
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t row = i * dimensions;
      double direction = 0, radius = 0;
      for (int64_t c = 0; c < dimensions; ++c) {
        direction += double(gaussian[row + c]) * gaussian[row + c];
        radius += double(eps_x[row + c]) * eps_x[row + c];
      }
      const double growth = std::pow(1 + tau, double(m[i]));
      const double factor = direction > 0 ? std::sqrt(radius / direction) * growth : 0;
      for (int64_t c = 0; c < dimensions; ++c)
        x[row + c] = float(double(from[row + c]) + double(gaussian[row + c]) * factor);
      z[i] = float(std::abs(double(eps_z[i])) * growth);
    }
  });
  return {out.x.to(y.device()), out.z.to(y.device())};
}

namespace {

using namespace formula;

class PfgmFlow final : public Flow {
 public:
  PfgmFlow(std::shared_ptr<Network> network, const PfgmConfig& config)
      : network_(std::move(network)), config_(config) {
    if (network_->output() != Output::kField)
      throw Error("ERR_PFGM_ARGUMENT", "Expected a network that gives a field");
  }

  const Network& network() const override { return *network_; }

  Drift drift(const at::Tensor& x, const std::vector<double>& heights, const Rows& rows,
              bool both_sides) const override {
    const int64_t count = x.size(0), dimensions = x.size(1);
    const at::Tensor z = at::tensor(heights, at::kDouble).to(at::kFloat);
    const Field field = inferred(*network_, items(x), z, rows, heights, config_.inference);

    Drift drift{at::empty({count, dimensions}, at::kDouble), {}, std::vector<char>(count)};
    if (both_sides) drift.other_side = at::empty_like(drift.value);
    const float* v_x = field.x.const_data_ptr<float>();
    const float* v_z = field.z.const_data_ptr<float>();
    double* value = drift.value.mutable_data_ptr<double>();
    double* other = both_sides ? drift.other_side.mutable_data_ptr<double>() : nullptr;
    const double root_n = std::sqrt(double(dimensions));
    at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const float* row = v_x + i * dimensions;
        const double z = heights[i], from_network = double(v_z[i]);
        double square = 0;
        for (int64_t c = 0; c < dimensions; ++c) square += double(row[c]) * row[c];
        const double n = std::sqrt(square) / root_n;
        const bool above = z >= config_.z_exp;
        const double near_data = !above || both_sides ? vertical(n, z, root_n, config_) : 0;
        const auto put = [&](double down, double* to) {
          const double by = factor(square, down, z, config_);
          for (int64_t c = 0; c < dimensions; ++c) to[i * dimensions + c] = double(row[c]) * by;
        };
        drift.outside[i] = !above && n > share_at(config_.upper_norm, config_);
        put(above ? from_network : near_data, value);
        const bool at_border = !above && z >= config_.z_exp * (1 - 1e-9);
        if (other) put(at_border ? from_network : near_data, other);
      }
    });
    return drift;
  }

  Differentiable differentiable(const at::Tensor& x, const at::Tensor& z,
                                const at::Tensor& labels) const override {
    const at::Device device = network_->device();
    Mode mode;
    if (labels.defined()) mode.labels = labels.to(device);
    const Field field = network_->forward(items(x).to(device), z.squeeze(1).to(at::kFloat).to(device), mode);
    const at::Tensor v_x = field.x.reshape(x.sizes()).to(at::kCPU).to(at::kDouble);
    const at::Tensor from_network = field.z.unsqueeze(1).to(at::kCPU).to(at::kDouble);
    const double root_n = std::sqrt(double(x.size(1)));
    // The norm's derivative at 0 is 0 rather than none.
    const at::Tensor square = (v_x * v_x).sum(at::IntArrayRef{1}, true).clamp_min(1e-200);
    const at::Tensor n = square.sqrt() / root_n;
    const at::Tensor below = z.lt(config_.z_exp);
    const at::Tensor v_z = at::where(below, vertical(n, z, root_n, config_), from_network);
    return {v_x * factor(square, v_z, z, config_),
            below.logical_and(n.gt(share_at(config_.upper_norm, config_)))};
  }

 private:
  // States as the network takes them.
  at::Tensor items(const at::Tensor& x) const {
    return x.to(at::kFloat).reshape(network_->batch_shape(x.size(0)));
  }

  std::shared_ptr<Network> network_;
  PfgmConfig config_;
};

}  // namespace

std::shared_ptr<Flow> make_pfgm_flow(std::shared_ptr<Network> network, const PfgmConfig& config) {
  return std::make_shared<PfgmFlow>(std::move(network), config);
}

}  // namespace pfgm
