// The networks of EDM (Karras et al., arXiv 2206.00364) and PFGM++: DDPM++ and NCSN++ in the form that EDM
// gave them, and ADM (Dhariwal and Nichol, arXiv 2105.05233). Parameters are named as in the published
// snapshots.
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

constexpr int64_t kChannelsPerHead = 64;  // of ADM

// What the two forms do differently in a block.
struct Form {
  explicit Form(const EdmUnetConfig& config)
      : adm(config.adm), fir(config.fir), epsilon(adm ? 1e-5 : 1e-6), skip_scale(adm ? 1 : std::sqrt(0.5)) {}

  bool adm;  // the embedding scales and shifts; branches are summed as they are; skips resample without
             // weights
  bool fir;  // resample with the (1, 3, 3, 1) filter
  double epsilon;
  double skip_scale;
};

// Attention over the positions of an image. Query, key and value of a head's channel lie side by side.
struct Attention {
  Attention(Builder& builder, const std::string& name, const Form& form, int64_t channels, int64_t heads)
      : norm(builder, name + ".norm2", channels, form.epsilon),
        qkv(builder, name + ".qkv", channels, 3 * channels, 1, form.adm ? 1 : 0.2),
        projection(builder, name + ".proj", channels, channels, 1, 0),
        heads(heads),
        skip_scale(form.skip_scale) {}

  at::Tensor operator()(const at::Tensor& x, const at::Tensor&) const {
    const int64_t b = x.size(0), c = x.size(1), positions = x.size(2) * x.size(3), width = c / heads;
    const at::Tensor all = qkv(norm(x)).reshape({b * heads, width, 3, positions});
    const at::Tensor query = all.select(2, 0), key = all.select(2, 1), value = all.select(2, 2);
    const at::Tensor logits = at::matmul(query.transpose(1, 2), key) * (1 / std::sqrt(double(width)));
    const at::Tensor mixed = at::matmul(value, at::softmax(logits, -1).transpose(1, 2));
    return (x + projection(mixed.reshape(x.sizes()))) * skip_scale;
  }
  AttentionFilters filters() const {
    const plan::Filter all = qkv.filter();
    const auto one = [&](int64_t which) {
      plan::Filter filter = all;
      filter.weights += which * all.output_pitch;
      filter.bias += which;
      filter.outputs /= 3;
      filter.output_pitch *= 3;
      filter.bias_pitch = 3;
      return filter;
    };
    return {norm, one(0), one(1), one(2), projection.filter(), heads, skip_scale};
  }

  GroupNorm norm;
  Conv qkv, projection;
  int64_t heads;
  double skip_scale;
};

struct Block {
  Block(Builder& builder, const std::string& name, const EdmUnetConfig& config, int64_t in, int64_t out,
        Resample resample, bool attends, uint64_t number)
      : form(config),
        norm_0(builder, name + ".norm0", in, form.epsilon),
        conv_0(builder, name + ".conv0", in, out, 3),
        affine(builder, name + ".affine", config.model_channels * 4, form.adm ? 2 * out : out),
        norm_1(builder, name + ".norm1", out, form.epsilon),
        conv_1(builder, name + ".conv1", out, out, 3, 0),
        resample(resample),
        in(in),
        dropout_share(config.dropout),
        number(number) {
    if (in != out || (resample != Resample::kNone && !form.adm))
      skip.emplace(builder, name + ".skip", in, out, 1);
    const int64_t heads = form.adm ? out / kChannelsPerHead : 1;
    if (attends && heads > 0) attention.emplace(builder, name, form, out, heads);
  }

  template <class Ops, class Image = typename Ops::Image>
  Image operator()(Ops& ops, const Image& x) const {
    After<Image> between;
    if (!form.adm) between.plus(affine);
    const Image h = ops.convolve(conv_0, In(x).norm(norm_0).silu().resampled(resample, form.fir), between);
    In last = In(h).norm(norm_1).silu().dropout(dropout_share, number);
    if (form.adm) last.modulated(affine);
    const Image past = skip ? ops.convolve(*skip, In(x).resampled(resample, form.fir)) : x;
    const Resample how = skip ? Resample::kNone : resample;
    const Image sum =
        ops.convolve(conv_1, last, After<Image>().plus(past, how, form.fir).times(form.skip_scale));
    return attention ? ops.attend(*attention, sum) : sum;
  }

  Form form;
  GroupNorm norm_0;
  Conv conv_0;
  Linear affine;
  GroupNorm norm_1;
  Conv conv_1;
  std::optional<Conv> skip;
  std::optional<Attention> attention;
  Resample resample;
  int64_t in;
  double dropout_share;
  uint64_t number;  // tells this block's dropout stream from the others'
};

class EdmUnet final : public Network {
 public:
  EdmUnet(const EdmUnetConfig& config, uint64_t seed, at::Device device);

  Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const override;
  std::shared_ptr<NetworkPlan> make_plan(plan::Precision precision) const override;
  Output output() const override { return Output::kImage; }
  int64_t tile() const override { return tile_of_images(config_.image_size, config_.model_channels); }

 private:
  // On the way down: a block, or what the input is shrunk by to join in before it.
  struct Level {
    std::optional<Block> resample;
    std::optional<Conv> input;  // with a residual encoder
    std::vector<Block> blocks;
  };

  template <class Ops, class Image = typename Ops::Image>
  Image body(Ops& ops, const Image& x) const;

  EdmUnetConfig config_;
  Embedding embedding_;
  Conv in_;
  std::vector<Level> down_, up_;
  GroupNorm out_norm_;
  Conv out_;
};

void check(const EdmUnetConfig& c) {
  const auto require = [](bool ok, const std::string& what) {
    if (!ok) throw Error("ERR_PFGM_ARGUMENT", what);
  };
  require(c.channels >= 1 && c.channels <= 4096, "Expected channels to be from 1 to 4096");
  require(c.model_channels >= 4 && c.model_channels % 4 == 0 && c.model_channels <= 4096,
          "Expected modelChannels to be a multiple of 4 from 4 to 4096");
  require(!c.channel_mult.empty() && c.channel_mult.size() <= 10,
          "Expected channelMult to have 1 to 10 levels");
  for (int64_t m : c.channel_mult)
    require(m >= 1 && m <= 64, "Expected every channelMult to be from 1 to 64");
  c.image_size.check(int64_t(c.channel_mult.size()) - 1);
  require(c.num_blocks >= 1 && c.num_blocks <= 64, "Expected numBlocks to be from 1 to 64");
  require(c.dropout >= 0 && c.dropout < 1, "Expected dropout to be at least 0 and below 1");
  require(c.labels >= 0 && c.labels <= 65536, "Expected labels to be from 0 to 65536");
  require(c.augment >= 0 && c.augment <= 4096, "Expected augment to be from 0 to 4096");
  require(c.channel_mult_noise >= 1 && c.channel_mult_noise <= 64,
          "Expected channelMultNoise to be from 1 to 64");
}

EdmUnet::EdmUnet(const EdmUnetConfig& config, uint64_t seed, at::Device device) : config_(config) {
  check(config);
  shape_ = {config.channels, config.image_size.height, config.image_size.width};
  Builder builder(parameters_, seed, device);
  const int64_t base = config.model_channels, levels = int64_t(config.channel_mult.size());
  const int64_t noise_channels = base * config.channel_mult_noise, embedded = 4 * base;
  if (config.fourier) {
    embedding_.frequencies = builder.normal("map_noise.freqs", {noise_channels / 2}, 16, false);
    embedding_.before = 2 * M_PI;
  } else {
    const int64_t half = noise_channels / 2;
    const double rate = std::log(10000.0) / double(config.adm ? half : half - 1);
    embedding_.frequencies = (at::arange(half, at::TensorOptions(device).dtype(at::kFloat)) * -rate).exp();
  }
  embedding_.cosines_first = embedding_.labels_last = config.adm;
  embedding_.classes = config.labels;
  if (config.labels > 0) {
    const int64_t label_channels = config.adm ? embedded : noise_channels;
    embedding_.label_weight = builder.variance_scaled("map_label.weight", {label_channels, config.labels},
                                                      config.labels, label_channels, 1);
    if (!config.adm) {
      embedding_.label_bias = builder.constant("map_label.bias", {label_channels}, 0);
      embedding_.label_scale = std::sqrt(double(config.labels));
    }
  }
  // Of augmented training, which is not done here: kept with the weights that it belongs to.
  if (config.augment > 0)
    builder.variance_scaled("map_augment.weight", {noise_channels, config.augment}, config.augment,
                            noise_channels, 0);
  embedding_.layer_0 = Linear(builder, "map_layer0", noise_channels, embedded);
  embedding_.layer_1 = Linear(builder, "map_layer1", embedded, embedded);

  uint64_t number = 0;
  const auto at_size = [&](const std::string& side, int64_t level) {
    const ImageSize size = config.image_size.halved(level);
    return side + "." + std::to_string(size.height) + "x" + std::to_string(size.width) + "_";
  };
  const auto contains = [&](int64_t level) {
    const auto& sizes = config.attn_resolutions;
    return std::find(sizes.begin(), sizes.end(), config.image_size.halved(level).larger_side()) !=
           sizes.end();
  };
  const auto block = [&](const std::string& name, int64_t from, int64_t to, Resample how, bool attends) {
    return Block(builder, name, config_, from, to, how, attends, number++);
  };

  int64_t channels = base * (config.adm ? config.channel_mult[0] : 1), input_channels = config.channels;
  in_ = Conv(builder, at_size("enc", 0) + "conv", config.channels, channels, 3);
  std::vector<int64_t> skips = {channels};
  for (int64_t i = 0; i < levels; ++i) {
    Level level;
    const std::string name = at_size("enc", i);
    if (i > 0) {
      level.resample.emplace(block(name + "down", channels, channels, Resample::kDown, false));
      skips.push_back(channels);
      if (config.residual_encoder) {
        level.input.emplace(builder, name + "aux_residual", input_channels, channels, 3, 1, 1,
                            config.fir ? 2 : 1);
        input_channels = channels;
      }
    }
    for (int64_t j = 0; j < config.num_blocks; ++j) {
      const int64_t to = base * config.channel_mult[i];
      level.blocks.push_back(
          block(name + "block" + std::to_string(j), channels, to, Resample::kNone, contains(i)));
      channels = to;
      skips.push_back(channels);
    }
    down_.push_back(std::move(level));
  }

  for (int64_t i = levels - 1; i >= 0; --i) {
    Level level;
    const std::string name = at_size("dec", i);
    if (i == levels - 1) {
      level.blocks.push_back(block(name + "in0", channels, channels, Resample::kNone, true));
      level.blocks.push_back(block(name + "in1", channels, channels, Resample::kNone, false));
    } else {
      level.resample.emplace(block(name + "up", channels, channels, Resample::kUp, false));
    }
    for (int64_t j = 0; j <= config.num_blocks; ++j) {
      const int64_t from = channels + skips.back(), to = base * config.channel_mult[i];
      skips.pop_back();
      const bool attends = contains(i) && (config.adm || j == config.num_blocks);
      level.blocks.push_back(block(name + "block" + std::to_string(j), from, to, Resample::kNone, attends));
      channels = to;
    }
    up_.push_back(std::move(level));
  }
  const std::string last = config.adm ? "out_" : at_size("dec", 0) + "aux_";
  out_norm_ = GroupNorm(builder, last + "norm", channels, config.adm ? 1e-5 : 1e-6);
  out_ = Conv(builder, last + "conv", channels, config.channels, 3, 0);
}

template <class Ops, class Image>
Image EdmUnet::body(Ops& ops, const Image& x) const {
  Image input = x, h = ops.convolve(in_, In(x));
  // With their channels, by which a block of the way up knows that one is to join in.
  std::vector<std::pair<Image, int64_t>> skips = {{h, in_.weight.size(0)}};
  int64_t channels = in_.weight.size(0);
  const auto through = [&](const Block& block) {
    h = ops.through(block, h);
    channels = block.conv_1.weight.size(0);
  };
  for (const Level& level : down_) {
    if (level.resample) {
      through(*level.resample);
      skips.emplace_back(h, channels);
    }
    if (level.input) {
      // The convolution and the filter as one: both pad before the convolution.
      input = ops.shrunk(ops.convolve(*level.input, In(input)), h, config_.fir, std::sqrt(0.5));
      skips.back().first = h = input;
    }
    for (const Block& block : level.blocks) {
      through(block);
      skips.emplace_back(h, channels);
    }
  }
  for (const Level& level : up_) {
    if (level.resample) through(*level.resample);
    for (const Block& block : level.blocks) {
      if (channels != block.in) {
        h = ops.beside(h, skips.back().first);
        skips.pop_back();
      }
      through(block);
    }
  }
  return ops.convolve(out_, In(h).norm(out_norm_).silu());
}

// z: what the flow tells the noise by, ln(sigma) / 4.
Field EdmUnet::forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const {
  Eager ops(embedding_(z, mode.labels), mode);
  return {body(ops, x).to(at::kFloat), {}};
}

std::shared_ptr<NetworkPlan> EdmUnet::make_plan(plan::Precision precision) const {
  return NetworkPlan::make(*this, embedding_, true, precision,
                           [&](Planner& ops, const Planner::Image& x) { return body(ops, x); });
}

}  // namespace

std::shared_ptr<Network> make_edm_unet(const EdmUnetConfig& config, uint64_t seed, at::Device device) {
  return std::make_shared<EdmUnet>(config, seed, device);
}

}  // namespace pfgm
