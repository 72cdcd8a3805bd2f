#include "flow/with_divergence.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/stop.h"
#include "runtime/tiles.h"

namespace pfgm {
namespace {

class WithDivergence final : public Flow {
 public:
  WithDivergence(std::shared_ptr<Flow> flow, Divergence divergence)
      : flow_(std::move(flow)), divergence_(std::move(divergence)), dimensions_(network().dimensions()) {}

  const Network& network() const override { return flow_->network(); }

  // In tiles of a fixed size, each on one thread, as infer() does where there is no plan, and for its
  // reasons.
  Drift drift(const at::Tensor& x, const std::vector<double>& heights, const Rows& rows,
              bool) const override {
    const int64_t count = x.size(0);
    check(x, rows);
    Drift drift{at::empty_like(x), {}, std::vector<char>(count)};
    const int64_t tile = network().device().is_cpu() ? network().tile() : std::max<int64_t>(count, 1);
    for_each_tile((count + tile - 1) / tile, [&](int64_t i) {
      const at::AutoGradMode with_grad(true);
      evaluate(x, heights, rows, i * tile, tile, drift);
    });
    return drift;
  }

  Differentiable differentiable(const at::Tensor&, const at::Tensor&, const at::Tensor&) const override {
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected a flow without divergence: its own is not differentiated again");
  }

 private:
  int64_t columns() const { return divergence_.exact ? 1 : divergence_.probes; }

  void check(const at::Tensor& x, const Rows& rows) const {
    if (x.size(1) != dimensions_ + columns())
      throw Error("ERR_PFGM_ARGUMENT", "Expected states of " + std::to_string(dimensions_ + columns()) +
                                           " numbers but received " + std::to_string(x.size(1)));
    if (!divergence_.given.defined()) return;
    for (const Row& row : rows)
      if (row.key >= uint64_t(divergence_.given.size(0)))
        throw Error("ERR_PFGM_ARGUMENT", "Expected keys below " + std::to_string(divergence_.given.size(0)) +
                                             ", places of the given probes, but received " +
                                             std::to_string(row.key));
  }

  // Rows first .. first + tile - 1, the last one repeated beyond the end.
  void evaluate(const at::Tensor& x, const std::vector<double>& heights, const Rows& rows, int64_t first,
                int64_t tile, Drift& out) const {
    const int64_t count = x.size(0), there = std::min(tile, count - first);
    std::vector<int64_t> places(tile);
    Rows own(tile);
    std::vector<double> z(tile);
    for (int64_t i = 0; i < tile; ++i) {
      places[i] = first + std::min(i, there - 1);
      own[i] = rows[places[i]];
      z[i] = heights[places[i]];
    }
    at::Tensor point = x.narrow(1, 0, dimensions_).index_select(0, at::tensor(places, at::kLong)).detach();
    point.requires_grad_(true);
    const Differentiable f =
        flow_->differentiable(point, at::tensor(z, at::kDouble).unsqueeze(1), label_tensor(own));
    at::Tensor to = out.value.narrow(0, first, there);
    to.narrow(1, 0, dimensions_).copy_(f.value.detach().narrow(0, 0, there));
    to.narrow(1, dimensions_, columns()).copy_(divergence(f.value, point, own).narrow(0, 0, there));
    const at::Tensor flags = f.outside.contiguous();
    for (int64_t i = 0; i < there; ++i) out.outside[first + i] = flags.const_data_ptr<bool>()[i];
  }

  // [b, columns]
  at::Tensor divergence(const at::Tensor& f, const at::Tensor& x, const Rows& rows) const {
    const bool exact = divergence_.exact;
    const int64_t products = exact ? dimensions_ : divergence_.probes;
    at::Tensor out = at::zeros({x.size(0), columns()}, at::kDouble);
    for (int64_t i = 0; i < products; ++i) {
      Stop::current().check();
      const at::Tensor e = exact ? unit(x, i) : probe(rows, i);
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

  // The probe number `which` of each row: signs that are a function of (key, which, coordinate).
  at::Tensor probe(const Rows& rows, int64_t which) const {
    if (divergence_.given.defined()) {
      std::vector<int64_t> places;
      for (const Row& row : rows) places.push_back(int64_t(row.key));
      return divergence_.given.select(1, which).index_select(0, at::tensor(places, at::kLong));
    }
    at::Tensor e = at::empty({int64_t(rows.size()), dimensions_}, at::kDouble);
    double* sign = e.mutable_data_ptr<double>();
    for (const Row& row : rows) {
      const Philox random(row.key, (uint64_t(Purpose::kProbe) << 32) | uint64_t(which));
      uint32_t raw[4];
      for (int64_t c = 0; c < dimensions_; ++c) {
        if (c % 128 == 0) random.bits(uint64_t(c / 128), raw);
        *sign++ = raw[c % 128 / 32] >> (c % 32) & 1 ? 1.0 : -1.0;
      }
    }
    return e;
  }

  std::shared_ptr<Flow> flow_;
  Divergence divergence_;
  int64_t dimensions_;
};

}  // namespace

std::shared_ptr<Flow> with_divergence(std::shared_ptr<Flow> flow, Divergence divergence) {
  return std::make_shared<WithDivergence>(std::move(flow), std::move(divergence));
}

}  // namespace pfgm
