// The U-Net of DDPM (Ho et al., arXiv 2006.11239) in the form that diffusers gave it, UNet2DModel, whose
// names its parameters have, but for those of labels: residual blocks that are told the noise, attention
// after each of them on some levels.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
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

GroupNorm normalised(Builder& builder, const std::string& name, const DdpmUnetConfig& config,
                     int64_t channels) {
  return GroupNorm(builder, name, channels, config.norm_epsilon, config.norm_groups);
}

struct Block {
  Block(Builder& builder, const std::string& name, const DdpmUnetConfig& config, int64_t in, int64_t out,
        uint64_t number)
      : norm_1(normalised(builder, name + ".norm1", config, in)),
        conv_1(builder, name + ".conv1", in, out, 3),
        embedded(builder, name + ".time_emb_proj", config.block_channels[0] * 4, out),
        norm_2(normalised(builder, name + ".norm2", config, out)),
        conv_2(builder, name + ".conv2", out, out, 3, 0),
        dropout_share(config.dropout),
        number(number) {
    if (in != out) shortcut.emplace(builder, name + ".conv_shortcut", in, out, 1);
  }

  template <class Ops, class Image = typename Ops::Image>
  Image operator()(Ops& ops, const Image& x) const {
    const Image h = ops.convolve(conv_1, In(x).norm(norm_1).silu(), After<Image>().plus(embedded));
    const In last = In(h).norm(norm_2).silu().dropout(dropout_share, number);
    if (!shortcut) return ops.convolve(conv_2, last, After<Image>().plus(x));
    return ops.convolve(conv_2, last, After<Image>().plus(ops.convolve(*shortcut, In(x))));
  }

  GroupNorm norm_1;
  Conv conv_1;
  Linear embedded;
  GroupNorm norm_2;
  Conv conv_2;
  std::optional<Conv> shortcut;
  double dropout_share;
  uint64_t number;  // tells this block's dropout stream from the others'
};

// Attention over the positions of an image; a head's channels lie side by side.
struct Attention {
  Attention(Builder& builder, const std::string& name, const DdpmUnetConfig& config, int64_t channels)
      : norm(normalised(builder, name + ".group_norm", config, channels)),
        query(builder, name + ".to_q", channels, channels),
        key(builder, name + ".to_k", channels, channels),
        value(builder, name + ".to_v", channels, channels),
        output(builder, name + ".to_out.0", channels, channels, 0),
        heads(config.head_channels > 0 ? channels / config.head_channels : 1) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor&) const {
    const int64_t b = x.size(0), c = x.size(1), positions = x.size(2) * x.size(3), width = c / heads;
    const at::Tensor rows = norm(x).reshape({b, c, positions}).transpose(1, 2);
    const auto of_heads = [&](const Linear& layer) {
      return layer(rows).reshape({b, positions, heads, width}).transpose(1, 2);
    };
    const at::Tensor logits =
        at::matmul(of_heads(query), of_heads(key).transpose(2, 3)) * (1 / std::sqrt(double(width)));
    const at::Tensor mixed = at::matmul(at::softmax(logits, -1), of_heads(value)).transpose(1, 2);
    return x + output(mixed.reshape({b, positions, c})).transpose(1, 2).reshape(x.sizes());
  }
  AttentionFilters filters() const {
    return {norm, query.filter(), key.filter(), value.filter(), output.filter(), heads, 1};
  }

  GroupNorm norm;
  Linear query, key, value, output;
  int64_t heads;
};

class DdpmUnet final : public Network {
 public:
  DdpmUnet(const DdpmUnetConfig& config, uint64_t seed, at::Device device);

  Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const override;
  std::shared_ptr<NetworkPlan> make_plan(plan::Precision precision) const override;
  Output output() const override { return Output::kImage; }
  int64_t tile() const override { return tile_of_images(config_.image_size, config_.block_channels[0]); }

 private:
  // One resolution: its blocks, each with its attention where there is any, then what resamples to the next.
  struct Level {
    std::vector<Block> blocks;
    std::vector<Attention> attention;
    std::optional<Conv> resample;
  };

  template <class Ops, class Image = typename Ops::Image>
  Image body(Ops& ops, const Image& x) const;

  DdpmUnetConfig config_;
  Embedding embedding_;
  Conv in_;
  std::vector<Level> down_, up_;
  std::optional<Block> middle_0_, middle_1_;
  std::optional<Attention> middle_attention_;
  GroupNorm out_norm_;
  Conv out_;
};

void check(const DdpmUnetConfig& c) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", what);
  };
  require(c.channels >= 1 && c.channels <= 4096, "Expected channels to be from 1 to 4096");
  require(!c.block_channels.empty() && c.block_channels.size() <= 10,
          "Expected blockChannels to have 1 to 10 levels");
  require(c.norm_groups >= 1 && c.norm_groups <= 4096, "Expected normGroups to be from 1 to 4096");
  require(c.head_channels >= 0 && c.head_channels <= 4096, "Expected headChannels to be from 1 to 4096");
  for (int64_t channels : c.block_channels) {
    require(channels >= 4 && channels % 4 == 0 && channels <= 16384,
            "Expected every blockChannels to be a multiple of 4 from 4 to 16384");
    require(c.head_channels == 0 || channels % c.head_channels == 0,
            "Expected every blockChannels to be a multiple of headChannels");
  }
  c.image_size.check(int64_t(c.block_channels.size()) - 1);
  require(c.layers_per_block >= 1 && c.layers_per_block <= 64, "Expected layersPerBlock to be from 1 to 64");
  require(c.norm_epsilon > 0 && c.norm_epsilon <= 1, "Expected normEpsilon to be above 0 and at most 1");
  require(c.downsample_padding == 0 || c.downsample_padding == 1, "Expected downsamplePadding to be 0 or 1");
  require(c.frequency_shift >= 0 && c.frequency_shift < double(c.block_channels[0] / 2),
          "Expected frequencyShift to be at least 0 and below half of the first blockChannels");
  require(c.dropout >= 0 && c.dropout < 1, "Expected dropout to be at least 0 and below 1");
  require(c.labels >= 0 && c.labels <= 65536, "Expected labels to be from 0 to 65536");
}

DdpmUnet::DdpmUnet(const DdpmUnetConfig& config, uint64_t seed, at::Device device) : config_(config) {
  check(config);
  shape_ = {config.channels, config.image_size.height, config.image_size.width};
  Builder builder(parameters_, seed, device);
  const std::vector<int64_t>& widths = config.block_channels;
  const int64_t base = widths[0], levels = int64_t(widths.size()), embedded = 4 * base, half = base / 2;

  const double rate = std::log(10000.0) / (double(half) - config.frequency_shift);
  embedding_.frequencies = (at::arange(half, at::TensorOptions(device).dtype(at::kFloat)) * -rate).exp();
  embedding_.cosines_first = config.cosines_first;
  embedding_.labels_last = true;
  embedding_.classes = config.labels;
  in_ = Conv(builder, "conv_in", config.channels, base, 3);
  embedding_.layer_0 = Linear(builder, "time_embedding.linear_1", base, embedded);
  embedding_.layer_1 = Linear(builder, "time_embedding.linear_2", embedded, embedded);
  if (config.labels > 0)
    embedding_.label_weight =
        builder.variance_scaled("map_label.weight", {embedded, config.labels}, config.labels, embedded, 1);

  uint64_t number = 0;
  const auto attends = [&](int64_t level) {
    const auto& sizes = config.attn_resolutions;
    const int64_t side = config.image_size.halved(level).larger_side();
    return std::find(sizes.begin(), sizes.end(), side) != sizes.end();
  };
  const auto add = [&](Level& level, const std::string& name, int64_t from, int64_t to, bool with_attention) {
    const std::string index = std::to_string(level.blocks.size());
    level.blocks.emplace_back(builder, name + ".resnets." + index, config_, from, to, number++);
    if (with_attention) level.attention.emplace_back(builder, name + ".attentions." + index, config_, to);
  };

  int64_t channels = base;
  std::vector<int64_t> skips = {channels};
  for (int64_t i = 0; i < levels; ++i) {
    Level level;
    const std::string name = "down_blocks." + std::to_string(i);
    for (int64_t j = 0; j < config.layers_per_block; ++j) {
      add(level, name, channels, widths[size_t(i)], attends(i));
      skips.push_back(channels = widths[size_t(i)]);
    }
    if (i + 1 < levels) {
      level.resample.emplace(builder, name + ".downsamplers.0.conv", channels, channels, 3, 1, 2,
                             config.downsample_padding);
      skips.push_back(channels);
    }
    down_.push_back(std::move(level));
  }
  middle_0_.emplace(builder, "mid_block.resnets.0", config_, channels, channels, number++);
  middle_attention_.emplace(builder, "mid_block.attentions.0", config_, channels);
  middle_1_.emplace(builder, "mid_block.resnets.1", config_, channels, channels, number++);
  for (int64_t i = levels - 1; i >= 0; --i) {
    Level level;
    const std::string name = "up_blocks." + std::to_string(levels - 1 - i);
    for (int64_t j = 0; j <= config.layers_per_block; ++j) {
      add(level, name, channels + skips.back(), widths[size_t(i)], attends(i));
      skips.pop_back();
      channels = widths[size_t(i)];
    }
    if (i > 0) level.resample.emplace(builder, name + ".upsamplers.0.conv", channels, channels, 3);
    up_.push_back(std::move(level));
  }
  out_norm_ = normalised(builder, "conv_norm_out", config, channels);
  out_ = Conv(builder, "conv_out", channels, config.channels, 3, 0);
}

template <class Ops, class Image>
Image DdpmUnet::body(Ops& ops, const Image& x) const {
  Image h = ops.convolve(in_, In(x));
  std::vector<Image> skips = {h};
  const auto through = [&](const Level& level, size_t i) {
    h = ops.through(level.blocks[i], h);
    if (!level.attention.empty()) h = ops.attend(level.attention[i], h);
  };
  for (const Level& level : down_) {
    for (size_t i = 0; i < level.blocks.size(); ++i) {
      through(level, i);
      skips.push_back(h);
    }
    if (!level.resample) continue;
    h = ops.convolve(*level.resample, In(config_.downsample_padding == 0 ? ops.padded_at_end(h) : h));
    skips.push_back(h);
  }
  h = ops.through(*middle_1_, ops.attend(*middle_attention_, ops.through(*middle_0_, h)));
  for (const Level& level : up_) {
    for (size_t i = 0; i < level.blocks.size(); ++i) {
      h = ops.beside(h, skips.back());
      skips.pop_back();
      through(level, i);
    }
    if (level.resample) h = ops.convolve(*level.resample, In(h).resampled(Resample::kUp, false));
  }
  return ops.convolve(out_, In(h).norm(out_norm_).silu());
}

// z: the step of the noise, 0 to 999.
Field DdpmUnet::forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const {
  Eager ops(embedding_(z, mode.labels), mode);
  return {body(ops, x).to(at::kFloat), {}};
}

std::shared_ptr<NetworkPlan> DdpmUnet::make_plan(plan::Precision precision) const {
  return NetworkPlan::make(*this, embedding_, true, precision,
                           [&](Planner& ops, const Planner::Image& x) { return body(ops, x); });
}

}  // namespace

std::shared_ptr<Network> make_ddpm_unet(const DdpmUnetConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<DdpmUnet>(config, seed, device);
}

}  // namespace pfgm
