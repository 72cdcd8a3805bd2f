#include "flow/in_time.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <utility>

#include "flow/denoising.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

class FlowInTime final : public Flow {
 public:
  FlowInTime(std::shared_ptr<Flow> scaled, std::shared_ptr<const Scales> scales)
      : scaled_(std::move(scaled)), scales_(std::move(scales)) {
    scales_->sde(1);  // throws where there is none
  }

  const Network& network() const override { return scaled_->network(); }

  Drift drift(const at::Tensor& x, const std::vector<double>& times, const Rows& rows, bool) const override {
    const At at = at_times(times);
    Drift drift = scaled_->drift(x / at.signal, at.heights, rows);
    drift.value = in_time(x, drift.value, at);
    return drift;
  }

  Differentiable differentiable(const at::Tensor& x, const at::Tensor& t,
                                const at::Tensor& labels) const override {
    const double* first = t.const_data_ptr<double>();
    const At at = at_times({first, first + t.numel()});
    const Differentiable scaled = scaled_->differentiable(x / at.signal, at.height, labels);
    return {in_time(x, scaled.value, at), scaled.outside};
  }

 private:
  // Of some times, [b, 1] each.
  struct At {
    std::vector<double> heights;
    at::Tensor height, signal, of_x, of_away;
  };

  At at_times(const std::vector<double>& times) const {
    const int64_t count = int64_t(times.size());
    const auto column = [count] { return at::empty({count, 1}, at::kDouble); };
    At at{{}, column(), column(), column(), column()};
    for (int64_t i = 0; i < count; ++i) {
      const SdeAt sde = scales_->sde(times[i]);
      const double height = sde.noise / sde.signal;
      at.heights.push_back(height);
      at.height.mutable_data_ptr<double>()[i] = height;
      at.signal.mutable_data_ptr<double>()[i] = sde.signal;
      at.of_x.mutable_data_ptr<double>()[i] = times[i] * sde.drift;
      // The score is signal (d - x / signal) / noise^2.
      at.of_away.mutable_data_ptr<double>()[i] =
          times[i] * sde.diffusion_squared / 2 * sde.signal / (sde.noise * sde.noise);
    }
    return at;
  }

  static at::Tensor in_time(const at::Tensor& x, const at::Tensor& away, const At& at) {
    return x * at.of_x + away * at.of_away;
  }

  std::shared_ptr<Flow> scaled_;
  std::shared_ptr<const Scales> scales_;
};

}  // namespace

std::shared_ptr<Flow> make_flow_in_time(std::shared_ptr<Network> network,
                                        std::shared_ptr<const Scales> scales, const Inference& inference) {
  return std::make_shared<FlowInTime>(make_denoising_flow(std::move(network), scales, inference), scales);
}

}  // namespace pfgm
