// A residual fully connected network for points: (x, ln z) -> (v_x, v_z), or an image from x and whatever
// number tells its noise.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/asinh.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <cmath>

#include "nn/layers.h"
#include "nn/network.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

using namespace nn;

constexpr int64_t kHeightFeatures = 16;

class Mlp final : public Network {
 public:
  Mlp(const MlpConfig& config, uint64_t seed, at::Device device) : config_(config) {
    if (config.dimensions < 1 || config.dimensions > 65536)
      throw Error("ERR_PFGM_ARGUMENT", "Expected dimensions to be from 1 to 65536");
    if (config.width < 4 || config.width > 16384 || config.depth < 1 || config.depth > 64)
      throw Error("ERR_PFGM_ARGUMENT", "Expected width to be from 4 to 16384 and depth from 1 to 64");
    shape_ = {config.dimensions};
    Builder builder(parameters_, seed, device);
    // x comes in twice: as asinh x, which is x at the data and of order 1 on the far plane, too, and divided
    // by its distance scale sqrt(|x|^2 + z^2 + 1).
    in_ = Linear(builder, "in", 2 * config.dimensions + 2 * kHeightFeatures, config.width);
    for (int64_t i = 0; i < config.depth; ++i) {
      const std::string name = "blocks." + std::to_string(i);
      blocks_.push_back({Linear(builder, name + ".0", config.width, config.width),
                         Linear(builder, name + ".1", config.width, config.width, 0)});
    }
    const bool field = config.output == Output::kField;
    out_ = Linear(builder, "out", config.width, config.dimensions + (field ? 1 : 0), 0);
  }

  int64_t tile() const override { return 64; }
  Output output() const override { return config_.output; }

  Field forward(const at::Tensor& x, const at::Tensor& z_in, const Mode&) const override {
    const bool field = config_.output == Output::kField;
    const at::Tensor z = (field ? z_in.clamp_min(1e-10) : z_in).unsqueeze(1);
    const at::Tensor squares = (x * x).sum(at::IntArrayRef{1}, true) + 1;
    const at::Tensor scale = (field ? squares + z * z : squares).sqrt();
    // Noise is told by its logarithm, by sigma or by a time up to 999: asinh spreads them all.
    const at::Tensor height = field ? z.log() : at::asinh(8 * z);
    // Frequencies of ln z from one period over its whole range (about 25) to one over a sixth of a unit.
    const at::Tensor frequencies =
        (at::arange(kHeightFeatures, z.options()) * (5.0 / kHeightFeatures)).exp() * 0.25;
    const at::Tensor phase = height * frequencies.unsqueeze(0);
    at::Tensor h = in_(at::cat({at::asinh(x), x / scale, phase.sin(), phase.cos()}, 1));
    for (const auto& block : blocks_) h = stop_point(h + block.second(at::silu(block.first(at::silu(h)))));
    const at::Tensor v = out_(at::silu(h));
    if (!field) return {v, {}};
    return {v.slice(1, 0, config_.dimensions), v.select(1, config_.dimensions)};
  }

 private:
  MlpConfig config_;
  Linear in_, out_;
  std::vector<std::pair<Linear, Linear>> blocks_;
};

}  // namespace

std::shared_ptr<Network> make_mlp(const MlpConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<Mlp>(config, seed, device);
}

}  // namespace pfgm
