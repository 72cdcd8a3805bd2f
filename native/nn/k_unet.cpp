// The U-Net of k-diffusion's image_v1 models, whose names its parameters have, but for those of labels:
// residual blocks and attention whose norms the noise scales and shifts, GELU, and images that are resampled
// as in a mirror.
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

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

constexpr int64_t kChannelsPerGroup = 32, kChannelsPerHead = 64;

// So many parts that each has about the channels.
int64_t parts_of(int64_t channels, int64_t each, const char* what) {
  const int64_t parts = std::max<int64_t>(1, channels / each);
  if (channels % parts == 0) return parts;
  throw Error("ERR_PFGM_ARGUMENT", "Expected every layer's channels to divide into " + std::string(what) +
                                       " of about " + std::to_string(each) + ", but " +
                                       std::to_string(channels) +
                                       " do not: make every blockChannels a multiple of 64");
}

// Group normalisation that nothing but the noise scales and shifts.
struct AdaptiveNorm {
  AdaptiveNorm(Builder& builder, const std::string& name, int64_t told, int64_t channels)
      : mapper(builder, name + ".mapper", told, 2 * channels, 0) {
    norm.weight = at::ones({channels}, mapper.weight.options());
    norm.bias = at::zeros({channels}, mapper.weight.options());
    norm.groups = parts_of(channels, kChannelsPerGroup, "groups");
    norm.epsilon = 1e-5;
  }

  template <class Image>
  In<Image> of(const Image& x) const {
    return In<Image>(x).norm(norm).modulated(mapper);
  }
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& embedding) const {
    const std::vector<at::Tensor> given = mapper(embedding).unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
    return norm(x) * (given[0] + 1) + given[1];
  }

  Linear mapper;
  GroupNorm norm;
};

// A 1 x 1 convolution of weights alone.
Conv unbiased(Builder& builder, const std::string& name, int64_t in, int64_t out) {
  Conv conv;
  conv.weight = builder.variance_scaled(name + ".weight", {out, in, 1, 1}, in, out, 1);
  conv.bias = at::zeros({out}, conv.weight.options());
  return conv;
}

struct Block {
  Block(Builder& builder, const std::string& name, const KUnetConfig& config, int64_t in, int64_t middle,
        int64_t out, uint64_t number)
      : norm_0(builder, name + ".main.0", config.mapping_channels, in),
        conv_0(builder, name + ".main.2", in, middle, 3),
        norm_1(builder, name + ".main.4", config.mapping_channels, middle),
        conv_1(builder, name + ".main.6", middle, out, 3, 0),
        dropout_share(config.dropout),
        number(number) {
    if (in != out) skip = unbiased(builder, name + ".skip", in, out);
  }

  template <class Ops, class Image = typename Ops::Image>
  Image operator()(Ops& ops, const Image& x) const {
    const auto dropped = [&](uint64_t which) {
      return After<Image>().channel_dropout(dropout_share, 2 * number + which);
    };
    const Image h = ops.convolve(conv_0, norm_0.of(x).gelu(), dropped(0));
    const Image past = skip ? ops.convolve(*skip, In(x)) : x;
    return ops.convolve(conv_1, norm_1.of(h).gelu(), dropped(1).plus(past));
  }

  AdaptiveNorm norm_0;
  Conv conv_0;
  AdaptiveNorm norm_1;
  Conv conv_1;
  std::optional<Conv> skip;
  double dropout_share;
  uint64_t number;  // tells this block's dropout streams from the others'
};

// Attention over the positions of an image; a head's channels lie side by side.
struct Attention {
  Attention(Builder& builder, const std::string& name, const KUnetConfig& config, int64_t channels)
      : norm(builder, name + ".norm_in", config.mapping_channels, channels),
        qkv(builder, name + ".qkv_proj", channels, 3 * channels, 1),
        output(builder, name + ".out_proj", channels, channels, 1, 0),
        heads(parts_of(channels, kChannelsPerHead, "heads")) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& embedding) const {
    const int64_t b = x.size(0), c = x.size(1), positions = x.size(2) * x.size(3), width = c / heads;
    const at::Tensor all = qkv(norm(x, embedding)).reshape({b, 3, heads, width, positions});
    const at::Tensor query = all.select(1, 0), key = all.select(1, 1), value = all.select(1, 2);
    const at::Tensor logits = at::matmul(query.transpose(2, 3), key) * (1 / std::sqrt(double(width)));
    const at::Tensor mixed = at::matmul(value, at::softmax(logits, -1).transpose(2, 3));
    return x + output(mixed.reshape(x.sizes()));
  }
  AttentionFilters filters() const {
    const plan::Filter all = qkv.filter();
    const auto one = [&](int64_t which) {
      plan::Filter filter = all;
      filter.outputs /= 3;
      filter.weights += which * filter.outputs * filter.output_pitch;
      filter.bias += which * filter.outputs;
      return filter;
    };
    return {norm.norm, one(0), one(1), one(2), output.filter(), heads, 1, &norm.mapper};
  }

  AdaptiveNorm norm;
  Conv qkv, output;
  int64_t heads;
};

class KUnet final : public Network {
 public:
  KUnet(const KUnetConfig& config, uint64_t seed, at::Device device);

  Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const override;
  std::shared_ptr<NetworkPlan> make_plan(plan::Precision precision) const override;
  Output output() const override { return Output::kImage; }
  int64_t tile() const override { return tile_of_images(config_.image_size, config_.block_channels[0]); }

 private:
  // One resolution of a way: its blocks, each with its attention where there is any.
  struct Level {
    std::vector<Block> blocks;
    std::vector<Attention> attention;
  };

  // The blocks of a level whose first is module `first` there: from so many channels by `middle` to `to`.
  Level level(Builder& builder, const std::string& name, size_t index, int64_t first, int64_t from,
              int64_t to);
  template <class Ops, class Image = typename Ops::Image>
  Image body(Ops& ops, const Image& x) const;

  KUnetConfig config_;
  Embedding embedding_;
  Conv in_, out_;
  std::vector<Level> down_, up_;
  uint64_t blocks_ = 0;
};

void check(const KUnetConfig& c) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", what);
  };
  const size_t levels = c.block_channels.size();
  require(c.channels >= 1 && c.channels <= 4096, "Expected channels to be from 1 to 4096");
  require(c.patch_size >= 1 && c.patch_size <= 64, "Expected patchSize to be from 1 to 64");
  require(c.mapping_channels >= 2 && c.mapping_channels % 2 == 0 && c.mapping_channels <= 16384,
          "Expected mappingChannels to be a multiple of 2 from 2 to 16384");
  require(levels >= 1 && levels <= 10, "Expected blockChannels to have 1 to 10 levels");
  require(c.depths.size() == levels && c.attends.size() == levels,
          "Expected depths, blockChannels and attends to have as many levels");
  for (int64_t depth : c.depths)
    require(depth >= 1 && depth <= 64, "Expected every depth to be from 1 to 64");
  for (int64_t channels : c.block_channels)
    require(channels >= 4 && channels <= 16384, "Expected every blockChannels to be from 4 to 16384");
  for (const int64_t side : {c.image_size.height, c.image_size.width}) {
    const int64_t divisor = c.patch_size << (levels - 1);
    require(side <= 4096 && side % divisor == 0 && side / divisor >= (levels > 1 ? 2 : 1),
            "Expected imageSize to be at most 4096 and a multiple of " + std::to_string(divisor) +
                (levels > 1 ? ", of at least twice that" : "") +
                " (patchSize, and one halving between levels), "
                "but received " +
                std::to_string(side));
  }
  require(c.dropout >= 0 && c.dropout < 1, "Expected dropout to be at least 0 and below 1");
  require(c.labels >= 0 && c.labels <= 65536, "Expected labels to be from 0 to 65536");
}

KUnet::KUnet(const KUnetConfig& config, uint64_t seed, at::Device device) : config_(config) {
  check(config);
  shape_ = {config.channels, config.image_size.height, config.image_size.width};
  Builder builder(parameters_, seed, device);
  const std::vector<int64_t>& widths = config.block_channels;
  const int64_t told = config.mapping_channels;

  embedding_.frequencies = builder.normal("timestep_embed.weight", {told / 2, 1}, 1, false).squeeze(1);
  embedding_.before = 2 * M_PI;
  embedding_.cosines_first = true;
  embedding_.classes = config.labels;
  embedding_.activation = Activation::kGelu;
  if (config.labels > 0)
    embedding_.label_weight =
        builder.variance_scaled("map_label.weight", {told, config.labels}, config.labels, told, 1);
  embedding_.layer_0 = Linear(builder, "mapping.0", told, told);
  embedding_.layer_1 = Linear(builder, "mapping.2", told, told);

  const int64_t pixels = config.channels * config.patch_size * config.patch_size;
  in_ = Conv(builder, "proj_in", pixels, widths[0], 1);
  out_ = Conv(builder, "proj_out", widths[0], pixels, 1, 0);
  const size_t levels = widths.size();
  for (size_t i = 0; i < levels; ++i)
    down_.push_back(
        level(builder, "u_net.d_blocks." + std::to_string(i) + ".", i, 1, widths[i ? i - 1 : 0], widths[i]));
  for (size_t i = levels; i-- > 0;)
    up_.push_back(level(builder, "u_net.u_blocks." + std::to_string(levels - 1 - i) + ".", i, 0,
                        i + 1 < levels ? 2 * widths[i] : widths[i], widths[i ? i - 1 : 0]));
}

KUnet::Level KUnet::level(Builder& builder, const std::string& name, size_t index, int64_t first,
                          int64_t from, int64_t to) {
  const int64_t middle = config_.block_channels[index], depth = config_.depths[index];
  Level level;
  for (int64_t i = 0; i < depth; ++i) {
    const int64_t in = i == 0 ? from : middle, out = i == depth - 1 ? to : middle;
    level.blocks.emplace_back(builder, name + std::to_string(first++), config_, in, middle, out, blocks_++);
    if (config_.attends[index])
      level.attention.emplace_back(builder, name + std::to_string(first++), config_, out);
  }
  return level;
}

template <class Ops, class Image>
Image KUnet::body(Ops& ops, const Image& x) const {
  Image h = ops.convolve(in_, In(ops.unshuffled(x, config_.patch_size)));
  const auto through = [&](const Level& level) {
    for (size_t i = 0; i < level.blocks.size(); ++i) {
      h = ops.through(level.blocks[i], h);
      if (!level.attention.empty()) h = ops.attend(level.attention[i], h);
    }
  };
  std::vector<Image> skips;
  for (size_t i = 0; i < down_.size(); ++i) {
    if (i > 0) h = ops.reflected(h, Resample::kDown);
    through(down_[i]);
    skips.push_back(h);
  }
  for (size_t i = up_.size(); i-- > 0;) {
    if (i + 1 < up_.size()) h = ops.beside(h, skips[i]);
    through(up_[up_.size() - 1 - i]);
    if (i > 0) h = ops.reflected(h, Resample::kUp);
  }
  return ops.shuffled(ops.convolve(out_, In(h)), config_.patch_size);
}

// z: what the flow tells the noise by, ln(sigma) / 4.
Field KUnet::forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const {
  Eager ops(embedding_(z, mode.labels), mode);
  return {body(ops, x).to(at::kFloat), {}};
}

std::shared_ptr<NetworkPlan> KUnet::make_plan(plan::Precision precision) const {
  return NetworkPlan::make(*this, embedding_, true, precision,
                           [&](Planner& ops, const Planner::Image& x) { return body(ops, x); });
}

}  // namespace

std::shared_ptr<Network> make_k_unet(const KUnetConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<KUnet>(config, seed, device);
}

}  // namespace pfgm
