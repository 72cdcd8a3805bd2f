// The network of NCSNv2 (Song and Ermon, arXiv 2006.09011): a RefineNet (Lin et al., arXiv 1611.06612) with
// InstanceNorm++, ELU, average pooling and dilated convolutions. The PFGM paper shows with it what its method
// makes of a weaker network.
#include <ATen/TensorOperators.h>
#include <ATen/ops/asinh.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/var.h>

#include <optional>
#include <utility>

#include "nn/layers.h"
#include "nn/network.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

using namespace nn;

// InstanceNorm++: each channel of an item is normalised over its positions; what the channels' means were,
// normalised over the channels, comes back in, so that the height that the input's plane tells is not lost.
struct InstanceNormPlus {
  InstanceNormPlus() = default;
  InstanceNormPlus(Builder& builder, const std::string& name, int64_t channels)
      : weight(builder.constant(name + ".weight", {channels}, 1)),
        bias(builder.constant(name + ".bias", {channels}, 0)),
        mean_weight(builder.constant(name + ".mean_weight", {channels}, 1)) {}

  at::Tensor operator()(const at::Tensor& x) const {
    constexpr double kEpsilon = 1e-5;
    const at::Tensor mean = x.mean(at::IntArrayRef{2, 3});
    const at::Tensor variance = at::var(mean, at::IntArrayRef{1}, true, true);
    const at::Tensor means = (mean - mean.mean(at::IntArrayRef{1}, true)) * (variance + kEpsilon).rsqrt();
    return at::group_norm(x, x.size(1), weight, bias, kEpsilon) +
           (means * mean_weight).unsqueeze(-1).unsqueeze(-1);
  }

  at::Tensor weight, bias, mean_weight;
};

struct ResidualBlock {
  ResidualBlock(Builder& builder, const std::string& name, int64_t in, int64_t out, int64_t dilation,
                bool halves)
      : norm_0(builder, name + ".norm0", in),
        conv_0(builder, name + ".conv0", in, out, 3, 1, 1, -1, dilation),
        norm_1(builder, name + ".norm1", out),
        conv_1(builder, name + ".conv1", out, out, 3, 1, 1, -1, dilation),
        halves(halves) {
    if (in != out) skip.emplace(builder, name + ".skip", in, out, 1);
  }

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor h = conv_1(at::elu(norm_1(stop_point(conv_0(at::elu(norm_0(x)))))));
    const at::Tensor sum = (skip ? (*skip)(x) : x) + h;
    return stop_point(halves ? downsample(sum, false) : sum);
  }

  InstanceNormPlus norm_0;
  Conv conv_0;
  InstanceNormPlus norm_1;
  Conv conv_1;
  std::optional<Conv> skip;
  bool halves;
};

// RCU: residual units of two convolutions.
struct ResidualUnits {
  ResidualUnits(Builder& builder, const std::string& name, int64_t channels, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string unit = name + "." + std::to_string(i);
      units.emplace_back(Conv(builder, unit + ".conv0", channels, channels, 3),
                         Conv(builder, unit + ".conv1", channels, channels, 3));
    }
  }

  at::Tensor operator()(at::Tensor x) const {
    for (const auto& [first, second] : units) x = stop_point(x + second(at::elu(first(at::elu(x)))));
    return x;
  }

  std::vector<std::pair<Conv, Conv>> units;
};

// CRP: what ever larger windows hold on average is added.
struct ChainedPooling {
  ChainedPooling(Builder& builder, const std::string& name, int64_t channels)
      : conv_0(builder, name + ".conv0", channels, channels, 3),
        conv_1(builder, name + ".conv1", channels, channels, 3) {}

  at::Tensor operator()(const at::Tensor& x) const {
    const auto pooled = [](const at::Tensor& h) { return at::avg_pool2d(h, {5, 5}, {1, 1}, {2, 2}); };
    const at::Tensor direct = at::elu(x), first = conv_0(pooled(direct));
    return stop_point(direct + first + conv_1(pooled(first)));
  }

  Conv conv_0, conv_1;
};

// MSF: a stage's features and the coarser refined ones, as many channels and of the same size.
struct Fusion {
  Fusion(Builder& builder, const std::string& name, int64_t in, int64_t coarser, int64_t out)
      : fine(builder, name + ".fine", in, out, 3), coarse(builder, name + ".coarse", coarser, out, 3) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& coarser) const {
    const at::Tensor h = coarse(coarser);
    // The filter is bilinear interpolation.
    return stop_point(fine(x) + (h.size(2) < x.size(2) ? upsample(h, true) : h));
  }

  Conv fine, coarse;
};

// Refined features of a stage: of its own and, but for the coarsest stage, of the refined ones of the coarser
// stage.
struct Refinement {
  Refinement(Builder& builder, const std::string& name, int64_t in, int64_t coarser, int64_t out,
             int output_units)
      : adapt(builder, name + ".adapt", in, 2),
        pooling(builder, name + ".pooling", out),
        output(builder, name + ".output", out, output_units) {
    if (coarser == 0) return;
    adapt_coarser.emplace(builder, name + ".adapt_coarser", coarser, 2);
    fusion.emplace(builder, name + ".fusion", in, coarser, out);
  }

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& coarser) const {
    const at::Tensor h = fusion ? (*fusion)(adapt(x), (*adapt_coarser)(coarser)) : adapt(x);
    return output(pooling(h));
  }

  ResidualUnits adapt;
  std::optional<ResidualUnits> adapt_coarser;
  std::optional<Fusion> fusion;
  ChainedPooling pooling;
  ResidualUnits output;
};

class Refinenet final : public Network {
 public:
  Refinenet(const RefinenetConfig& config, uint64_t seed, at::Device device);
  Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const override;
  Output output() const override { return config_.output; }
  int64_t tile() const override { return tile_of_images(config_.image_size, config_.nf); }

 private:
  struct Stage {
    ResidualBlock block_0, block_1;
  };

  RefinenetConfig config_;
  Conv in_;
  std::vector<Stage> stages_;
  std::vector<Refinement> refinements_;  // of the last stage first
  InstanceNormPlus out_norm_;
  Conv out_;
};

void check(const RefinenetConfig& c) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", what);
  };
  require(c.channels >= 1 && c.channels <= 4096, "Expected channels to be from 1 to 4096");
  require(c.nf >= 4 && c.nf % 4 == 0 && c.nf <= 4096, "Expected nf to be a multiple of 4 from 4 to 4096");
  c.image_size.check(1);
}

Refinenet::Refinenet(const RefinenetConfig& config, uint64_t seed, at::Device device) : config_(config) {
  check(config);
  shape_ = {config.channels, config.image_size.height, config.image_size.width};
  Builder builder(parameters_, seed, device);
  const int64_t nf = config.nf;
  in_ = Conv(builder, "in", config.channels + 1, nf, 3);

  const auto stage = [&](int64_t in, int64_t out, int64_t dilation, bool halves) {
    const std::string name = "stages." + std::to_string(stages_.size());
    stages_.push_back({ResidualBlock(builder, name + ".0", in, out, dilation, halves),
                       ResidualBlock(builder, name + ".1", out, out, dilation, false)});
  };
  stage(nf, nf, 1, false);
  stage(nf, 2 * nf, 1, true);
  stage(2 * nf, 2 * nf, 2, false);
  stage(2 * nf, 2 * nf, 4, false);

  const auto refinement = [&](int64_t in, int64_t coarser, int64_t out, int output_units = 1) {
    const std::string name = "refinements." + std::to_string(refinements_.size());
    refinements_.emplace_back(builder, name, in, coarser, out, output_units);
  };
  refinement(2 * nf, 0, 2 * nf);
  refinement(2 * nf, 2 * nf, 2 * nf);
  refinement(2 * nf, 2 * nf, nf);
  refinement(nf, nf, nf, 3);

  out_norm_ = InstanceNormPlus(builder, "out_norm", nf);
  const bool field = config.output == Output::kField;
  out_ = Conv(builder, "out", nf, config.channels + (field ? 1 : 0), 3, 0);
}

Field Refinenet::forward(const at::Tensor& x, const at::Tensor& z, const Mode&) const {
  const bool field = config_.output == Output::kField;
  // The height is a channel more: its logarithm, as heights go from thousandths to tens or hundreds, and a
  // plane of z itself would drown the pixels far out and tell nothing near the data. Flows of images tell
  // the noise by its logarithm or by a time up to 999: asinh brings them all near that.
  const at::Tensor height = field ? z.clamp_min(1e-10).log() : at::asinh(8 * z);
  const at::Tensor plane = height.view({-1, 1, 1, 1}).expand({x.size(0), 1, x.size(2), x.size(3)});
  at::Tensor h = in_(at::cat({x, plane}, 1));
  std::vector<at::Tensor> features;
  for (const Stage& stage : stages_) features.push_back(h = stage.block_1(stage.block_0(h)));
  for (const Refinement& refinement : refinements_) {
    h = refinement(features.back(), h);
    features.pop_back();
  }
  h = out_(at::elu(out_norm_(h)));
  if (!field) return {h, {}};
  const int64_t c = config_.channels;
  return {h.slice(1, 0, c), h.select(1, c).mean(at::IntArrayRef{1, 2})};
}

}  // namespace

std::shared_ptr<Network> make_refinenet(const RefinenetConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<Refinenet>(config, seed, device);
}

}  // namespace pfgm
