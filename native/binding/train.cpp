#include "binding/arguments.h"
#include "binding/makers.h"
#include "runtime/error.h"
#include "train/batch.h"
#include "train/pfgmpp_batch.h"
#include "train/trainer.h"

namespace pfgm {
namespace {

constexpr int64_t kMostSources = 10000000;

// createTrainer(config, seed, {beta1, beta2, epsilon}, device): resolves to {id, network, ema,
// parameterCount}.
Napi::Value create_trainer(const Call& call) {
  const at::Device device = parse_device(call(3, "device").string());
  const auto make = network_maker(call(0, "config"), call(1, "seed").seed(), device);
  const Argument adam = call(2, "adam");
  const AdamConfig config{adam["beta1"].number(), adam["beta2"].number(), adam["epsilon"].number()};
  struct Made {
    std::shared_ptr<Network> network, ema;
    std::shared_ptr<Trainer> trainer;
  };
  return call.environment().submit(
      queue_name(device),
      [make, config] {
        Made made{make(), make(), nullptr};
        made.trainer = std::make_shared<Trainer>(made.network, made.ema, config);
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
        return object;
      });
}

// makeBatch(data, settings, device): resolves to {x, z, target}.
Napi::Value make_pfgm_batch(const Call& call) {
  const Argument given = call(1, "settings");
  BatchSettings settings;
  read_draw(given, settings);
  settings.gamma = given["gamma"].number();
  settings.perturbation = {given["sigma"].number(), given["tau"].number(), given["M"].number(),
                           given["restrictM"].boolean()};
  return submit_batch(call, settings, make_batch);
}

// makePfgmppBatch(data, settings, device): resolves to {x, z, target}.
Napi::Value make_pfgmpp_batch_of(const Call& call) {
  const Argument given = call(1, "settings");
  PfgmppBatchSettings settings;
  read_draw(given, settings);
  settings.scales.sigma_data = given["sigmaData"].number();
  settings.d = given["d"].number();
  settings.log_mean = given["logMean"].number();
  settings.log_deviation = given["logDeviation"].number();
  settings.posterior = given["posterior"].boolean();
  settings.published_draw = given["publishedDraw"].boolean();
  if (!(settings.scales.sigma_data > 0)) given["sigmaData"].expected("above 0");
  if (!(settings.d >= 1)) given["d"].expected("at least 1");
  return submit_batch(call, settings, make_pfgmpp_batch);
}

// trainStep(trainer, x, z, target, settings): resolves to {loss, gradientNorm, applied}.
Napi::Value train_step(const Call& call) {
  const std::shared_ptr<Trainer> trainer = call(0, "trainer").trainer();
  const at::Tensor x = call(1, "x").tensor(), z = call(2, "z").tensor(), target = call(3, "target").tensor();
  const Argument given = call(4, "settings");
  StepSettings settings;
  settings.update = given["update"].integer();
  settings.learning_rate = given["learningRate"].number();
  settings.clip_norm = given["clipNorm"].number();
  settings.ema_decay = given["emaDecay"].number();
  settings.dropout_seed = given["dropoutSeed"].seed();
  if (settings.update < 1) given["update"].expected("at least 1");
  return call.environment().submit(
      queue_name(x.device()),
      [trainer, x, z, target, settings] { return trainer->step(x, z, target, settings); },
      [](Napi::Env env, const StepResult& result) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("loss", result.loss);
        object.Set("gradientNorm", result.gradient_norm);
        object.Set("applied", result.applied);
        return object;
      });
}

// probeStep(trainer, x, z, target): resolves to {seconds, activationBytes}, the cost of a step that is not
// taken.
Napi::Value probe_step(const Call& call) {
  const std::shared_ptr<Trainer> trainer = call(0, "trainer").trainer();
  const at::Tensor x = call(1, "x").tensor(), z = call(2, "z").tensor(), target = call(3, "target").tensor();
  return call.environment().submit(
      queue_name(x.device()), [trainer, x, z, target] { return trainer->probe(x, z, target); },
      [](Napi::Env env, const Trainer::Cost& cost) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("seconds", cost.seconds);
        object.Set("activationBytes", cost.activation_bytes);
        return object;
      });
}

}  // namespace

const std::vector<Export>& train_exports() {
  static const std::vector<Export> table = {{"createTrainer", 4, create_trainer},
                                            {"makeBatch", 3, make_pfgm_batch},
                                            {"makePfgmppBatch", 3, make_pfgmpp_batch_of},
                                            {"trainStep", 5, train_step},
                                            {"probeStep", 4, probe_step}};
  return table;
}

}  // namespace pfgm
