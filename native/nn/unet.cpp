// DDPM++ and NCSN++ (Song et al., arXiv 2011.13456): x and its noise in, as many channels out; as PFGM trains
// them, with one channel more, whose spatial mean is v_z. Modules are numbered in the order the published
// checkpoints number them.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <optional>

#include "nn/eager.h"
#include "nn/embedding.h"
#include "nn/network.h"
#include "nn/network_plan.h"
#include "nn/planner.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

using namespace nn;

const double kInverseRoot2 = 1 / std::sqrt(2.0);

// The residual block of BigGAN, which may halve or double the size, or that of DDPM, which keeps it. They
// differ in the layer on the skip.
struct ResidualBlock {
  ResidualBlock(Builder& builder, const std::string& name, const UnetConfig& config, int64_t in, int64_t out,
                Resample resample, uint64_t number)
      : norm_0(builder, name + ".GroupNorm_0", in),
        conv_0(builder, name + ".Conv_0", in, out, 3),
        dense_0(builder, name + ".Dense_0", config.nf * 4, out),
        norm_1(builder, name + ".GroupNorm_1", out),
        conv_1(builder, name + ".Conv_1", out, out, 3, config.init_scale),
        resample(resample),
        fir(config.fir),
        skip_rescale(config.skip_rescale),
        dropout_share(config.dropout),
        number(number) {
    if (in == out && resample == Resample::kNone) return;
    if (config.ddpm_blocks)
      nin_0.emplace(builder, name + ".NIN_0", in, out, 0.1);
    else
      conv_2.emplace(builder, name + ".Conv_2", in, out, 1);
  }

  template <class Ops, class Image = typename Ops::Image>
  Image operator()(Ops& ops, const Image& x) const {
    const Image h = ops.convolve(conv_0, In(x).norm(norm_0).silu().resampled(resample, fir),
                                 After<Image>().plus(dense_0));
    const In last = In(h).norm(norm_1).silu().dropout(dropout_share, number);
    const double factor = skip_rescale ? kInverseRoot2 : 1;
    const In past = In(x).resampled(resample, fir);
    if (conv_2)
      return ops.convolve(conv_1, last, After<Image>().plus(ops.convolve(*conv_2, past)).times(factor));
    if (nin_0)
      return ops.convolve(conv_1, last, After<Image>().plus(ops.convolve(*nin_0, past)).times(factor));
    return ops.convolve(conv_1, last, After<Image>().plus(x, resample, fir).times(factor));
  }

  GroupNorm norm_0;
  Conv conv_0;
  Linear dense_0;
  GroupNorm norm_1;
  Conv conv_1;
  std::optional<Conv> conv_2;
  std::optional<Nin> nin_0;
  Resample resample;
  bool fir, skip_rescale;
  double dropout_share;
  uint64_t number;  // tells this block's dropout stream from the others'
};

// What halves or doubles the size between levels of DDPM's blocks.
struct Resampling {
  Resampling(Builder& builder, const std::string& name, const UnetConfig& config, int64_t channels,
             Resample how)
      : how(how), fir(config.fir) {
    if (!config.resample_with_conv) return;
    const bool down = how == Resample::kDown;
    conv.emplace(builder, name + ".Conv_0", channels, channels, 3, 1, down ? 2 : 1, down ? 0 : 1);
  }

  template <class Ops, class Image = typename Ops::Image>
  Image operator()(Ops& ops, const Image& x) const {
    if (!conv) return ops.resampled(x, how, fir);
    if (how == Resample::kUp) return ops.convolve(*conv, In(x).resampled(how, fir));
    return ops.convolve(*conv, In(ops.padded_at_end(x)));
  }

  Resample how;
  bool fir;
  std::optional<Conv> conv;
};

// Single-headed attention over the positions of an image.
struct Attention {
  Attention(Builder& builder, const std::string& name, const UnetConfig& config, int64_t channels)
      : norm(builder, name + ".GroupNorm_0", channels),
        query(builder, name + ".NIN_0", channels, channels, 0.1),
        key(builder, name + ".NIN_1", channels, channels, 0.1),
        value(builder, name + ".NIN_2", channels, channels, 0.1),
        output(builder, name + ".NIN_3", channels, channels, config.init_scale),
        skip_rescale(config.skip_rescale) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor&) const {
    const int64_t b = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    const at::Tensor rows = norm(x).permute({0, 2, 3, 1}).reshape({b, h * w, c});
    const at::Tensor logits =
        at::bmm(query.of_rows(rows), key.of_rows(rows).transpose(1, 2)) * (1 / std::sqrt(double(c)));
    const at::Tensor mixed = output.of_rows(at::bmm(at::softmax(logits, -1), value.of_rows(rows)));
    const at::Tensor sum = x + mixed.reshape({b, h, w, c}).permute({0, 3, 1, 2});
    return skip_rescale ? sum * kInverseRoot2 : sum;
  }
  AttentionFilters filters() const {
    return {norm,
            query.filter(),
            key.filter(),
            value.filter(),
            output.filter(),
            1,
            skip_rescale ? kInverseRoot2 : 1};
  }

  GroupNorm norm;
  Nin query, key, value, output;
  bool skip_rescale;
};

class Unet final : public Network {
 public:
  Unet(const UnetConfig& config, uint64_t seed, at::Device device);
  Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const override;
  std::shared_ptr<NetworkPlan> make_plan(plan::Precision precision) const override;
  Output output() const override { return config_.output; }
  int64_t tile() const override { return tile_of_images(config_.image_size, config_.nf); }

 private:
  // One resolution: its blocks with their attention, then what resamples to the next resolution.
  struct Level {
    std::vector<ResidualBlock> blocks;
    std::vector<Attention> attention;       // down: one a block; up: at most one, after all blocks
    std::optional<ResidualBlock> resample;  // of BigGAN's blocks
    std::optional<Resampling> resampling;   // of DDPM's
    std::optional<Conv> pyramid;            // down, with progressive input: the input at the next resolution
  };

  template <class Ops, class Image = typename Ops::Image>
  Image body(Ops& ops, const Image& x) const;

  UnetConfig config_;
  Embedding embedding_;
  Conv in_;
  std::vector<Level> down_, up_;
  std::optional<ResidualBlock> middle_0_, middle_1_;
  std::optional<Attention> middle_attention_;
  GroupNorm out_norm_;
  Conv out_;
};

bool contains(const std::vector<int64_t>& values, int64_t value) {
  for (int64_t v : values)
    if (v == value) return true;
  return false;
}

void check(const UnetConfig& c) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", what);
  };
  require(c.channels >= 1 && c.channels <= 4096, "Expected channels to be from 1 to 4096");
  require(c.nf >= 4 && c.nf % 4 == 0 && c.nf <= 4096, "Expected nf to be a multiple of 4 from 4 to 4096");
  require(!c.ch_mult.empty() && c.ch_mult.size() <= 10, "Expected ch_mult to have 1 to 10 levels");
  for (int64_t m : c.ch_mult) require(m >= 1 && m <= 64, "Expected every ch_mult to be from 1 to 64");
  c.image_size.check(int64_t(c.ch_mult.size()) - 1);
  require(c.num_res_blocks >= 1 && c.num_res_blocks <= 64, "Expected num_res_blocks to be from 1 to 64");
  require(
      !c.ddpm_blocks || !c.fir || !c.resample_with_conv,
      "Expected fir to be false or resampWithConv to be false where resblock is ddpm: the published code has "
      "no such networks");
  require(c.labels >= 0 && c.labels <= 65536, "Expected labels to be from 0 to 65536");
  require(c.dropout >= 0 && c.dropout < 1, "Expected dropout to be at least 0 and below 1");
}

Unet::Unet(const UnetConfig& config, uint64_t seed, at::Device device) : config_(config) {
  check(config);
  shape_ = {config.channels, config.image_size.height, config.image_size.width};
  Builder builder(parameters_, seed, device);
  int number = 0;
  const auto next = [&number] { return "all_modules." + std::to_string(number++); };
  const auto block = [&](int64_t in, int64_t out, Resample resample = Resample::kNone) {
    const uint64_t id = uint64_t(number);
    return ResidualBlock(builder, next(), config_, in, out, resample, id);
  };
  const auto resample = [&](Level& level, int64_t channels, Resample how) {
    if (config.ddpm_blocks)
      level.resampling.emplace(builder, next(), config_, channels, how);
    else
      level.resample.emplace(block(channels, channels, how));
  };
  const int64_t nf = config.nf, levels = int64_t(config.ch_mult.size());
  const int64_t embedded = config.fourier ? 2 * nf : nf;

  if (config.fourier) {
    embedding_.frequencies = builder.normal(next() + ".W", {nf}, config.fourier_scale, false);
    embedding_.after = 2 * M_PI;
    // Of an image the flow tells the noise by its logarithm already.
    embedding_.logarithm = config.output == Output::kField;
  } else {
    const int64_t half = nf / 2;
    const double rate = std::log(10000.0) / double(half - 1);
    embedding_.frequencies = (at::arange(half, at::TensorOptions(device).dtype(at::kFloat)) * -rate).exp();
  }
  embedding_.classes = config.labels;
  embedding_.label_scale = std::sqrt(double(config.labels));
  if (config.labels > 0)
    embedding_.label_weight =
        builder.variance_scaled("map_label.weight", {embedded, config.labels}, config.labels, embedded, 1);
  embedding_.layer_0 = Linear(builder, next(), embedded, nf * 4);
  embedding_.layer_1 = Linear(builder, next(), nf * 4, nf * 4);
  in_ = Conv(builder, next(), config.channels, nf, 3);

  std::vector<int64_t> skips = {nf};
  int64_t channels = nf, pyramid_channels = config.channels;
  for (int64_t i = 0; i < levels; ++i) {
    Level level;
    const int64_t out = nf * config.ch_mult[i];
    const bool attends = contains(config.attn_resolutions, config.image_size.halved(i).larger_side());
    for (int64_t j = 0; j < config.num_res_blocks; ++j) {
      level.blocks.push_back(block(channels, out));
      channels = out;
      if (attends) level.attention.emplace_back(builder, next(), config_, channels);
      skips.push_back(channels);
    }
    if (i + 1 < levels) {
      resample(level, channels, Resample::kDown);
      if (config.progressive_input == ProgressiveInput::kSkip) {
        level.pyramid.emplace(builder, next() + ".Conv_0", config.channels, channels, 1);
        if (config.progressive_cat) channels *= 2;
      }
      if (config.progressive_input == ProgressiveInput::kResidual) {
        level.pyramid.emplace(builder, next() + ".Conv2d_0", pyramid_channels, channels, 3, 1,
                              config.fir ? 2 : 1, config.fir ? 0 : 1);
        pyramid_channels = channels;
      }
      skips.push_back(channels);
    }
    down_.push_back(std::move(level));
  }

  middle_0_.emplace(block(channels, channels));
  middle_attention_.emplace(builder, next(), config_, channels);
  middle_1_.emplace(block(channels, channels));

  for (int64_t i = levels - 1; i >= 0; --i) {
    Level level;
    const int64_t out = nf * config.ch_mult[i];
    for (int64_t j = 0; j <= config.num_res_blocks; ++j) {
      level.blocks.push_back(block(channels + skips.back(), out));
      skips.pop_back();
      channels = out;
    }
    if (contains(config.attn_resolutions, config.image_size.halved(i).larger_side()))
      level.attention.emplace_back(builder, next(), config_, channels);
    if (i > 0) resample(level, channels, Resample::kUp);
    up_.push_back(std::move(level));
  }
  out_norm_ = GroupNorm(builder, next(), channels);
  const bool field = config.output == Output::kField;
  out_ = Conv(builder, next(), channels, config.channels + (field ? 1 : 0), 3, config.init_scale);
}

template <class Ops, class Image>
Image Unet::body(Ops& ops, const Image& x) const {
  const bool cat = config_.progressive_cat;
  const double factor = config_.skip_rescale ? kInverseRoot2 : 1;
  Image pyramid = x, h = ops.convolve(in_, In(x));
  std::vector<Image> skips = {h};
  const auto resampled = [&](const Level& level, const Image& image) {
    return level.resample ? ops.through(*level.resample, image) : (*level.resampling)(ops, image);
  };
  for (size_t i = 0; i < down_.size(); ++i) {
    const Level& level = down_[i];
    for (size_t j = 0; j < level.blocks.size(); ++j) {
      h = ops.through(level.blocks[j], h);
      if (!level.attention.empty()) h = ops.attend(level.attention[j], h);
      skips.push_back(h);
    }
    if (i + 1 == down_.size()) break;
    h = resampled(level, h);
    if (config_.progressive_input == ProgressiveInput::kSkip) {
      pyramid = ops.resampled(pyramid, Resample::kDown, config_.fir);
      h = cat ? ops.beside(ops.convolve(*level.pyramid, In(pyramid)), h)
              : ops.convolve(*level.pyramid, In(pyramid), After<Image>().plus(h));
    }
    if (config_.progressive_input == ProgressiveInput::kResidual) {
      In in(config_.fir ? ops.blurred(pyramid) : pyramid);
      if (!config_.fir) in.resampled(Resample::kDown, false);
      h = pyramid = ops.convolve(*level.pyramid, in, After<Image>().plus(h).times(factor));
    }
    skips.push_back(h);
  }
  h = ops.through(*middle_1_, ops.attend(*middle_attention_, ops.through(*middle_0_, h)));
  for (size_t i = 0; i < up_.size(); ++i) {
    const Level& level = up_[i];
    for (const ResidualBlock& residual : level.blocks) {
      h = ops.through(residual, ops.beside(h, skips.back()));
      skips.pop_back();
    }
    if (!level.attention.empty()) h = ops.attend(level.attention[0], h);
    if (i + 1 < up_.size()) h = resampled(level, h);
  }
  return ops.convolve(out_, In(h).norm(out_norm_).silu());
}

Field Unet::forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const {
  const bool field = config_.output == Output::kField;
  Eager ops(embedding_(field ? z.clamp_min(1e-10) : z, mode.labels), mode);
  const at::Tensor h = body(ops, config_.centered ? x : x * 2 - 1).to(at::kFloat);
  if (!field) return {h, {}};
  const int64_t c = config_.channels;
  return {h.slice(1, 0, c), h.select(1, c).mean(at::IntArrayRef{1, 2})};
}

std::shared_ptr<NetworkPlan> Unet::make_plan(plan::Precision precision) const {
  return NetworkPlan::make(*this, embedding_, config_.centered, precision,
                           [&](Planner& ops, const Planner::Image& x) { return body(ops, x); });
}

}  // namespace

std::shared_ptr<Network> make_unet(const UnetConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<Unet>(config, seed, device);
}

}  // namespace pfgm
