#include "flow/divergence.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "random/philox.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

class LikelihoodFlow final : public Flow {
 public:
  LikelihoodFlow(std::shared_ptr<Network> network, LikelihoodConfig config)
      : network_(std::move(network)), config_(std::move(config)) {
    dimensions_ = 1;
    for (const int64_t size : network_->shape()) dimensions_ *= size;
  }

  // In tiles of a fixed size, each on one thread, as forward_in_tiles and for its reasons.
  Drift drift(const at::Tensor& x, const std::vector<double>& heights, const std::vector<int64_t>& samples,
              bool) const override {
    const int64_t count = x.size(0);
    check(x, samples);
    Drift drift{at::empty_like(x), {}, std::vector<char>(count)};
    const int64_t tile = network_->device().is_cpu() ? network_->tile() : std::max<int64_t>(count, 1);
    at::parallel_for(0, (count + tile - 1) / tile, 1, [&](int64_t begin, int64_t end) {
      const at::AutoGradMode with_grad(true);
      for (int64_t i = begin; i < end; ++i) evaluate(x, heights, samples, i * tile, tile, drift);
    });
    return drift;
  }

 private:
  int64_t columns() const { return config_.divergence.exact ? 1 : config_.divergence.probes; }

  void check(const at::Tensor& x, const std::vector<int64_t>& samples) const {
    if (x.size(1) != dimensions_ + columns())
      throw Error("ERR_PFGM_ARGUMENT", "Expected states of " + std::to_string(dimensions_ + columns()) +
                                           " numbers but received " + std::to_string(x.size(1)));
    if (config_.divergence.exact) return;
    const at::Tensor& given = config_.divergence.given;
    const int64_t known = given.defined() ? given.size(0) : int64_t(config_.divergence.keys.size());
    for (const int64_t sample : samples)
      if (sample >= known)
        throw Error("ERR_PFGM_ARGUMENT", "Expected probes for " + std::to_string(sample + 1) +
                                             " samples but received them for " + std::to_string(known));
  }

  // Rows first .. first + tile - 1, the last one repeated beyond the end.
  void evaluate(const at::Tensor& x, const std::vector<double>& heights, const std::vector<int64_t>& samples,
                int64_t first, int64_t tile, Drift& out) const {
    const int64_t count = x.size(0), there = std::min(tile, count - first);
    std::vector<int64_t> rows(tile), which(tile);
    std::vector<double> z(tile);
    for (int64_t i = 0; i < tile; ++i) {
      rows[i] = first + std::min(i, there - 1);
      which[i] = samples[rows[i]];
      z[i] = heights[rows[i]];
    }
    const at::Tensor index = at::tensor(rows, at::kLong);
    at::Tensor point = x.narrow(1, 0, dimensions_).index_select(0, index).detach();
    point.requires_grad_(true);
    at::Tensor outside;
    const at::Tensor f = differentiable_drift(point, at::tensor(z, at::kDouble).unsqueeze(1), outside);
    at::Tensor to = out.value.narrow(0, first, there);
    to.narrow(1, 0, dimensions_).copy_(f.detach().narrow(0, 0, there));
    to.narrow(1, dimensions_, columns()).copy_(divergence(f, point, which).narrow(0, 0, there));
    const at::Tensor flags = outside.contiguous();
    for (int64_t i = 0; i < there; ++i) out.outside[first + i] = flags.const_data_ptr<bool>()[i];
  }

  // f = z v_x / v_z at x [b, N] and z [b, 1], with v_z as PfgmFlow finds it, as operations that can be
  // differentiated.
  at::Tensor differentiable_drift(const at::Tensor& x, const at::Tensor& z, at::Tensor& outside) const {
    const PfgmConfig& c = config_.flow;
    std::vector<int64_t> shape = network_->shape();
    shape.insert(shape.begin(), x.size(0));
    const at::Device device = network_->device();
    const Field field = network_->forward(x.to(at::kFloat).reshape(shape).to(device),
                                          z.squeeze(1).to(at::kFloat).to(device), Mode{});
    at::Tensor v_x = field.x.reshape(x.sizes()).to(at::kCPU).to(at::kDouble);
    at::Tensor v_z = field.z.unsqueeze(1).to(at::kCPU).to(at::kDouble);

    const double root_n = std::sqrt(double(dimensions_));
    const auto share_at = [&c](double distance) { return distance / (distance + c.gamma); };
    const at::Tensor n = norm(v_x) / root_n;
    const at::Tensor near = z.lt(c.z_exp);
    outside = near.logical_and(n.gt(share_at(c.upper_norm)));
    const at::Tensor bounded = n.clamp_max(share_at(kFarthest * c.upper_norm));
    const at::Tensor distance = c.gamma * bounded / (1 - bounded);
    v_z = at::where(near, -root_n * z / ((distance * distance + z * z).sqrt() + c.gamma), v_z);
    if (config_.normalised) {
      const at::Tensor length = (norm(v_x).square() + v_z * v_z).sqrt() + 1e-7;
      v_x = v_x / length;
      v_z = v_z / length;
    }
    return v_x * (z / (v_z + c.epsilon));
  }

  // Row by row; its derivative at 0 is 0 rather than none.
  static at::Tensor norm(const at::Tensor& v) {
    return (v * v).sum(at::IntArrayRef{1}, true).clamp_min(1e-200).sqrt();
  }

  // [b, columns]
  at::Tensor divergence(const at::Tensor& f, const at::Tensor& x, const std::vector<int64_t>& samples) const {
    const bool exact = config_.divergence.exact;
    const int64_t products = exact ? dimensions_ : config_.divergence.probes;
    at::Tensor out = at::zeros({x.size(0), columns()}, at::kDouble);
    for (int64_t i = 0; i < products; ++i) {
      const at::Tensor e = exact ? unit(x, i) : probe(samples, i);
      const at::Tensor product = torch::autograd::grad({f}, {x}, {e}, i + 1 < products)[0];
      const at::NoGradGuard no_grad;
      out.select(1, exact ? 0 : i).add_((product * e).sum(1));
    }
    return out;
  }

  at::Tensor unit(const at::Tensor& x, int64_t axis) const {
    at::Tensor e = at::zeros(x.sizes(), at::kDouble);
    e.select(1, axis).fill_(1);
    return e;
  }

  // The probe number `which` of each sample: signs that are a function of (key, which, coordinate).
  at::Tensor probe(const std::vector<int64_t>& samples, int64_t which) const {
    const Divergence& d = config_.divergence;
    if (d.given.defined()) return d.given.select(1, which).index_select(0, at::tensor(samples, at::kLong));
    at::Tensor e = at::empty({int64_t(samples.size()), dimensions_}, at::kDouble);
    double* sign = e.mutable_data_ptr<double>();
    for (const int64_t sample : samples) {
      const Philox random(d.keys[sample], (uint64_t(Purpose::kProbe) << 32) | uint64_t(which));
      uint32_t raw[4];
      for (int64_t c = 0; c < dimensions_; ++c) {
        if (c % 128 == 0) random.bits(uint64_t(c / 128), raw);
        *sign++ = raw[c % 128 / 32] >> (c % 32) & 1 ? 1.0 : -1.0;
      }
    }
    return e;
  }

  std::shared_ptr<Network> network_;
  LikelihoodConfig config_;
  int64_t dimensions_;
};

}  // namespace

std::shared_ptr<Flow> make_likelihood_flow(std::shared_ptr<Network> network, LikelihoodConfig config) {
  return std::make_shared<LikelihoodFlow>(std::move(network), std::move(config));
}

}  // namespace pfgm
