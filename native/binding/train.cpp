#include "binding/arguments.h"
#include "binding/makers.h"
#include "runtime/error.h"
#include "train/batch.h"
#include "train/denoising_batch.h"
#include "train/trainer.h"

namespace pfgm {
namespace {

constexpr int64_t kMostSources = 10000000, kMostAverages = 16;

// createTrainer(config, seed, {beta1, beta2, epsilon}, device, furtherAverages): resolves to {id, network,
// ema, parameterCount}.
Napi::Value create_trainer(const Call& call) {
  const at::Device device = parse_device(call(3, "device").string());
  const auto make = network_maker(call(0, "config"), call(1, "seed").seed(), device);
  const Argument adam = call(2, "adam");
  const AdamConfig config{adam["beta1"].number(), adam["beta2"].number(), adam["epsilon"].number()};
  const int64_t further = call(4, "furtherAverages").integer();
  if (further < 0 || further > kMostAverages) call(4, "furtherAverages").expected("from 0 to 16");
  struct Made {
    std::shared_ptr<Network> network, ema;
    std::shared_ptr<Trainer> trainer;
  };
  return call.environment().submit(
      queue_name(device),
      [make, config, further] {
        Made made{make(), make(), nullptr};
        made.trainer = std::make_shared<Trainer>(made.network, made.ema, config, further);
        return made;
      },
      [](Napi::Env env, const Made& made) {
        Environment& environment = Environment::of(env);
        Napi::Object object = Napi::Object::New(env);
        object.Set("id", environment.add(made.trainer));
        object.Set("network", environment.add(made.network));
        object.Set("ema", environment.add(made.ema));
        object.Set("parameterCount", double(made.network->trained_count()));
        return object;
      });
}

void read_draw(const Argument& given, BatchDraw& draw) {
  draw.seed = given["seed"].seed();
  draw.step = given["step"].seed();
  draw.sources = given["batchSize"].integer();
  draw.perturbed = given["smallBatchSize"].integer();
  draw.whole_data = given["wholeData"].boolean();
  draw.mirror = given["mirror"].boolean();
  if (const Argument labels = given["labels"]; labels.present()) {
    draw.labels = labels["classes"].tensor().to(at::kCPU, at::kLong).contiguous();
    draw.label_dropout = labels["dropout"].number();
    if (!(draw.label_dropout >= 0 && draw.label_dropout <= 1)) labels["dropout"].expected("from 0 to 1");
  }
  if (draw.sources > kMostSources) given["batchSize"].expected("from 1 to 10000000");
}

// A batch of (data, settings, device), where the data is: beside a step on another device, behind it on the
// same one.
template <class Settings>
Napi::Value submit_batch(const Call& call, const Settings& settings,
                         Batch (*make)(const at::Tensor&, const Settings&, at::Device)) {
  const at::Tensor data = call(0, "data").tensor();
  const at::Device device = parse_device(call(2, "device").string());
  if (data.dim() < 2) throw Error("ERR_PFGM_ARGUMENT", "Expected data of one item a row");
  return call.environment().submit(
      queue_name(data.device()), [=] { return make(data, settings, device); },
      [](Napi::Env env, const Batch& batch) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("x", tensor_to_js(env, batch.x));
        object.Set("z", tensor_to_js(env, batch.z));
        object.Set("target", tensor_to_js(env, batch.target));
        if (batch.weight.defined()) object.Set("weight", tensor_to_js(env, batch.weight));
        if (batch.labels.defined()) object.Set("labels", tensor_to_js(env, batch.labels));
        return object;
      });
}

// {x, z, target, weight, labels}
Batch read_batch(const Argument& given) {
  Batch batch{given["x"].tensor(), given["z"].tensor(), given["target"].tensor(), {}, {}};
  if (given["weight"].present()) batch.weight = given["weight"].tensor();
  if (given["labels"].present()) batch.labels = given["labels"].tensor();
  if (batch.labels.defined() && batch.labels.scalar_type() != at::kLong) given["labels"].expected("int64");
  return batch;
}

// makeBatch(data, settings, device): resolves to {x, z, target, labels}.
Napi::Value make_pfgm_batch(const Call& call) {
  const Argument given = call(1, "settings");
  BatchSettings settings;
  read_draw(given, settings);
  settings.gamma = given["gamma"].number();
  settings.perturbation = {given["sigma"].number(), given["tau"].number(), given["M"].number(),
                           given["restrictM"].boolean()};
  return submit_batch(call, settings, make_batch);
}

// makeDenoisingBatch(data, settings, device): resolves to {x, z, target, weight, labels}.
Napi::Value make_denoising_batch_of(const Call& call) {
  const Argument given = call(1, "settings");
  DenoisingBatchSettings settings;
  read_draw(given, settings);
  settings.scales = scales_of(given["scales"]);
  settings.d = given["d"].number();
  settings.posterior = given["posterior"].boolean();
  settings.published_draw = given["publishedDraw"].boolean();
  if (!(settings.d >= 1)) given["d"].expected("at least 1");
  return submit_batch(call, settings, make_denoising_batch);
}

// {accumulate, recompute, precision, byLibtorch}, or nothing
PassSettings pass_of(const Argument& given) {
  PassSettings pass;
  if (!given.present()) return pass;
  pass.parts = given["accumulate"].integer();
  pass.recomputes = given["recompute"].boolean();
  pass.precision = given["precision"].precision();
  pass.by_libtorch = given["byLibtorch"].present() && given["byLibtorch"].boolean();
  if (pass.parts < 1) given["accumulate"].expected("at least 1");
  return pass;
}

// trainStep(trainer, batch, settings): resolves to {loss, gradientNorm, applied}.
Napi::Value train_step(const Call& call) {
  const std::shared_ptr<Trainer> trainer = call(0, "trainer").trainer();
  const Batch batch = read_batch(call(1, "batch"));
  const Argument given = call(2, "settings");
  StepSettings settings;
  settings.update = given["update"].integer();
  settings.learning_rate = given["learningRate"].number();
  settings.clip_norm = given["clipNorm"].number();
  settings.ema_decay = given["emaDecay"].number();
  settings.further_ema_decays = given["furtherEmaDecays"].numbers();
  settings.dropout_seed = given["dropoutSeed"].seed();
  settings.pass = pass_of(given["pass"]);
  if (settings.update < 1) given["update"].expected("at least 1");
  return call.environment().submit(
      queue_name(batch.x.device()), [trainer, batch, settings] { return trainer->step(batch, settings); },
      [](Napi::Env env, const StepResult& result) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("loss", result.loss);
        object.Set("gradientNorm", result.gradient_norm);
        object.Set("applied", result.applied);
        return object;
      });
}

// probeStep(trainer, batch, pass): resolves to {seconds, activationBytes}, the cost of a step that is not
// taken.
Napi::Value probe_step(const Call& call) {
  const std::shared_ptr<Trainer> trainer = call(0, "trainer").trainer();
  const Batch batch = read_batch(call(1, "batch"));
  const PassSettings pass = pass_of(call(2, "pass"));
  return call.environment().submit(
      queue_name(batch.x.device()), [trainer, batch, pass] { return trainer->probe(batch, pass); },
      [](Napi::Env env, const Trainer::Cost& cost) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("seconds", cost.seconds);
        object.Set("activationBytes", cost.activation_bytes);
        return object;
      });
}

}  // namespace

const std::vector<Export>& train_exports() {
  static const std::vector<Export> table = {{"createTrainer", 5, create_trainer},
                                            {"makeBatch", 3, make_pfgm_batch},
                                            {"makeDenoisingBatch", 3, make_denoising_batch_of},
                                            {"trainStep", 3, train_step},
                                            {"probeStep", 3, probe_step}};
  return table;
}

}  // namespace pfgm
