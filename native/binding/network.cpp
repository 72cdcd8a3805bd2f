#include "nn/network.h"

#include <ATen/core/grad_mode.h>

#include "binding/arguments.h"
#include "binding/makers.h"
#include "flow/flow.h"
#include "nn/autocast.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

// "field" where it is not given.
Output output_of(const Argument& config) {
  if (!config["output"].present()) return Output::kField;
  const std::string name = config["output"].string();
  if (name == "field") return Output::kField;
  if (name == "image") return Output::kImage;
  if (name == "denoised") return Output::kDenoised;
  config["output"].expected("field, image or denoised");
}

ImageSize image_size_of(const Argument& config) {
  const std::vector<int64_t> sides = config["imageSize"].integers();
  if (sides.size() != 2) config["imageSize"].expected("a height and a width");
  return {sides[0], sides[1]};
}

ProgressiveInput progressive_input_of(const Argument& config) {
  const std::string name = config["progressiveInput"].string();
  if (name == "none") return ProgressiveInput::kNone;
  if (name == "input_skip") return ProgressiveInput::kSkip;
  if (name == "residual") return ProgressiveInput::kResidual;
  config["progressiveInput"].expected("none, input_skip or residual");
}

UnetConfig unet_config(const Argument& config) {
  UnetConfig c;
  c.channels = config["channels"].integer();
  c.image_size = image_size_of(config);
  c.nf = config["nf"].integer();
  c.ch_mult = config["chMult"].integers();
  c.num_res_blocks = config["numResBlocks"].integer();
  c.attn_resolutions = config["attnResolutions"].integers();
  c.dropout = config["dropout"].number();
  c.fourier = config["fourier"].boolean();
  c.fourier_scale = config["fourierScale"].number();
  c.fir = config["fir"].boolean();
  c.progressive_input = progressive_input_of(config);
  c.progressive_cat = config["progressiveCat"].boolean();
  c.ddpm_blocks = config["ddpmBlocks"].boolean();
  c.resample_with_conv = config["resampWithConv"].boolean();
  c.skip_rescale = config["skipRescale"].boolean();
  c.init_scale = config["initScale"].number();
  c.centered = config["centered"].boolean();
  c.labels = config["labels"].integer();
  c.output = output_of(config);
  return c;
}

EdmUnetConfig edm_unet_config(const Argument& config, bool adm) {
  EdmUnetConfig c;
  c.adm = adm;
  c.channels = config["channels"].integer();
  c.image_size = image_size_of(config);
  c.labels = config["labels"].integer();
  c.augment = config["augment"].integer();
  c.model_channels = config["modelChannels"].integer();
  c.channel_mult = config["channelMult"].integers();
  c.num_blocks = config["numBlocks"].integer();
  c.attn_resolutions = config["attnResolutions"].integers();
  c.dropout = config["dropout"].number();
  c.fourier = config["fourier"].boolean();
  c.channel_mult_noise = config["channelMultNoise"].integer();
  c.residual_encoder = config["residualEncoder"].boolean();
  c.fir = config["fir"].boolean();
  return c;
}

DdpmUnetConfig ddpm_unet_config(const Argument& config) {
  DdpmUnetConfig c;
  c.channels = config["channels"].integer();
  c.image_size = image_size_of(config);
  c.block_channels = config["blockChannels"].integers();
  c.layers_per_block = config["layersPerBlock"].integer();
  c.attn_resolutions = config["attnResolutions"].integers();
  c.head_channels = config["headChannels"].integer();
  c.norm_groups = config["normGroups"].integer();
  c.norm_epsilon = config["normEpsilon"].number();
  c.downsample_padding = config["downsamplePadding"].integer();
  c.cosines_first = config["cosinesFirst"].boolean();
  c.frequency_shift = config["frequencyShift"].number();
  c.dropout = config["dropout"].number();
  c.labels = config["labels"].integer();
  return c;
}

KUnetConfig k_unet_config(const Argument& config) {
  KUnetConfig c;
  c.channels = config["channels"].integer();
  c.image_size = image_size_of(config);
  c.patch_size = config["patchSize"].integer();
  c.mapping_channels = config["mappingChannels"].integer();
  c.depths = config["depths"].integers();
  c.block_channels = config["blockChannels"].integers();
  c.attends.clear();
  for (const int64_t attends : config["attends"].integers()) c.attends.push_back(attends != 0);
  c.dropout = config["dropout"].number();
  c.labels = config["labels"].integer();
  return c;
}

}  // namespace

// A config of src/nn/config.ts as a function that makes the network; shared with the trainer, which makes
// two.
std::function<std::shared_ptr<Network>()> network_maker(const Argument& config, uint64_t seed,
                                                        at::Device device) {
  const std::string kind = config["kind"].string();
  if (kind == "unet") return [c = unet_config(config), seed, device] { return make_unet(c, seed, device); };
  if (kind == "song" || kind == "dhariwal")
    return [c = edm_unet_config(config, kind == "dhariwal"), seed, device] {
      return make_edm_unet(c, seed, device);
    };
  if (kind == "ddpm")
    return [c = ddpm_unet_config(config), seed, device] { return make_ddpm_unet(c, seed, device); };
  if (kind == "k-unet")
    return [c = k_unet_config(config), seed, device] { return make_k_unet(c, seed, device); };
  if (kind == "refinenet") {
    RefinenetConfig c;
    c.channels = config["channels"].integer();
    c.image_size = image_size_of(config);
    c.nf = config["nf"].integer();
    c.output = output_of(config);
    return [c, seed, device] { return make_refinenet(c, seed, device); };
  }
  if (kind == "mlp") {
    MlpConfig c;
    c.dimensions = config["dimensions"].integer();
    c.width = config["width"].integer();
    c.depth = config["depth"].integer();
    c.output = output_of(config);
    return [c, seed, device] { return make_mlp(c, seed, device); };
  }
  if (kind == "gaussians") {
    GaussiansConfig c;
    c.dimensions = config["dimensions"].integer();
    c.components = config["components"].integer();
    c.deviations = config["deviations"].numbers();
    c.weights = config["weights"].numbers();
    c.gamma = config["gamma"].number();
    c.output = output_of(config);
    c.extra_dimensions = config["D"].number();
    return [c, seed, device] { return make_gaussians(c, seed, device); };
  }
  config["kind"].expected("unet, song, dhariwal, ddpm, k-unet, refinenet, mlp or gaussians");
}

Napi::Value network_to_js(Napi::Env env, const std::shared_ptr<Network>& network) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Environment::of(env).add(network));
  object.Set("parameterCount", double(network->trained_count()));
  return object;
}

namespace {

// createNetwork(config, seed, device): resolves to {id, parameterCount}.
Napi::Value create_network(const Call& call) {
  const at::Device device = parse_device(call(2, "device").string());
  return call.environment().submit(
      queue_name(device), network_maker(call(0, "config"), call(1, "seed").seed(), device), network_to_js);
}

// forward(network, x, z, labels, byLibtorch, precision): resolves to {x, z}, the field's two parts, or {x},
// an image. As it is evaluated for sampling, or by libtorch's operations.
Napi::Value forward(const Call& call) {
  const std::shared_ptr<Network> network = call(0, "network").network();
  const at::Tensor x = call(1, "x").tensor(), z = call(2, "z").tensor();
  if (x.sizes() != at::IntArrayRef(network->batch_shape(x.dim() ? x.size(0) : 0)) ||
      x.scalar_type() != at::kFloat)
    throw Error("ERR_PFGM_ARGUMENT", "Expected x to be float32 of the network's shape, one item a row");
  if (z.dim() != 1 || z.size(0) != x.size(0) || z.scalar_type() != at::kFloat)
    throw Error("ERR_PFGM_ARGUMENT", "Expected z to be float32 with one height a row of x");
  Mode mode;
  if (call(3, "labels").present()) {
    const std::vector<int64_t> labels = call(3, "labels").int32s();
    if (int64_t(labels.size()) != x.size(0)) call(3, "labels").expected("one a row of x");
    mode.labels = label_tensor(labels);
    if (mode.labels.defined()) mode.labels = mode.labels.to(network->device());
  }
  const bool by_libtorch = call(4, "byLibtorch").boolean();
  const Precision precision = call(5, "precision").precision();
  return call.environment().submit(
      queue_name(network->device()),
      [network, x, z, mode, by_libtorch, precision] {
        if (!by_libtorch && network->device().is_cpu())
          return infer(*network, x, z, mode.labels, false, precision);
        const at::NoGradGuard no_grad;
        const nn::Autocast rounded(network->device(), precision);
        const Field field = network->forward(x.to(network->device()), z.to(network->device()), mode);
        return Field{field.x.contiguous(), field.z.defined() ? field.z.contiguous() : field.z};
      },
      [](Napi::Env env, const Field& field) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("x", tensor_to_js(env, field.x));
        if (field.z.defined()) object.Set("z", tensor_to_js(env, field.z));
        return object;
      });
}

// weightsVersion(network): how often its weights have changed.
Napi::Value weights_version(const Call& call) {
  return Napi::Number::New(call.env(), double(call(0, "network").network()->weights_version()));
}

}  // namespace

const std::vector<Export>& network_exports() {
  static const std::vector<Export> table = {
      {"createNetwork", 3, create_network}, {"forward", 6, forward}, {"weightsVersion", 1, weights_version}};
  return table;
}

}  // namespace pfgm
