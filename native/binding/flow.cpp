#include <algorithm>

#include "binding/arguments.h"
#include "field/field.h"
#include "flow/pfgm.h"
#include "flow/with_divergence.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr int64_t kMostProbes = 65536;
constexpr int64_t kMostNumbers = int64_t(1) << 32;  // of starts that are drawn at once

// createPfgmFlow(network, {gamma, zExp, upperNorm, epsilon, normalised, deterministic}): a flow handle.
Napi::Value create_pfgm_flow(const Call& call) {
  const Argument config = call(1, "config");
  const PfgmConfig c{config["gamma"].number(),          config["zExp"].number(),
                     config["upperNorm"].number(),      config["epsilon"].number(),
                     config["deterministic"].boolean(), config["normalised"].boolean()};
  return Napi::Number::New(call.env(),
                           call.environment().add(make_pfgm_flow(call(0, "network").network(), c)));
}

// {exact, probes, given}
Divergence divergence_of(const Argument& settings, int64_t dimensions) {
  Divergence divergence;
  divergence.exact = settings["exact"].boolean();
  if (divergence.exact) return divergence;
  divergence.probes = settings["probes"].integer();
  if (divergence.probes < 1 || divergence.probes > kMostProbes)
    settings["probes"].expected("from 1 to 65536");
  if (!settings["given"].present()) return divergence;
  const at::Tensor given = settings["given"].tensor();
  if (given.dim() < 2 || given.size(0) < 1 || given.size(1) != divergence.probes ||
      given.numel() != given.size(0) * given.size(1) * dimensions)
    settings["given"].expected("[samples, probes, ...] with as many numbers a probe as a sample has");
  divergence.given =
      given.to(at::kCPU).to(at::kDouble).reshape({given.size(0), given.size(1), dimensions}).contiguous();
  return divergence;
}

// withDivergence(flow, {exact, probes, given}): a flow handle whose states carry the integral of the
// divergence.
Napi::Value create_with_divergence(const Call& call) {
  const std::shared_ptr<Flow> flow = call(0, "flow").flow();
  const Divergence divergence = divergence_of(call(1, "divergence"), flow->network().dimensions());
  return Napi::Number::New(call.env(), call.environment().add(with_divergence(flow, divergence)));
}

// pfgmPrior(keys, dimensions, zMax, upperNorm): resolves to starts [count, dimensions] float64.
Napi::Value prior(const Call& call) {
  const std::vector<uint64_t> keys = call(0, "keys").seeds();
  const int64_t dimensions = call(1, "dimensions").integer();
  const double z_max = call(2, "zMax").number(), upper_norm = call(3, "upperNorm").number();
  if (dimensions < 1 || dimensions > (int64_t(1) << 31)) call(1, "dimensions").expected("from 1 to 2^31");
  if (dimensions > kMostNumbers / std::max<int64_t>(int64_t(keys.size()), 1))
    call(0, "keys").expected("fewer: at most 2^32 numbers in all");
  if (!(z_max > 0)) call(2, "zMax").expected("above 0");
  if (!(upper_norm >= 1)) call(3, "upperNorm").expected("at least 1");
  return call.environment().submit(
      "cpu",
      [keys, dimensions, z_max, upper_norm] { return pfgm_prior(keys, dimensions, z_max, upper_norm); },
      tensor_to_js);
}

FieldSources field_sources(const at::Tensor& items, const at::Tensor& x) {
  if (items.dim() < 1 || x.dim() < 1)
    throw Error("ERR_PFGM_ARGUMENT", "Expected sources and x to have one row an item");
  return {items, false, {}};
}

// fieldTarget(sources, x, z, gamma): resolves to the training target [b, N + 1].
Napi::Value target(const Call& call) {
  const at::Tensor x = call(1, "x").tensor(), z = call(2, "z").tensor();
  const FieldSources sources = field_sources(call(0, "sources").tensor(), x);
  const double gamma = call(3, "gamma").number();
  return call.environment().submit(
      queue_name(x.device()), [sources, x, z, gamma] { return field_target(sources, x, z, gamma); },
      tensor_to_js);
}

// posteriorMean(sources, x, r, d): resolves to the weighted mean of the sources [b, N].
Napi::Value mean(const Call& call) {
  const at::Tensor x = call(1, "x").tensor(), r = call(2, "r").tensor();
  const FieldSources sources = field_sources(call(0, "sources").tensor(), x);
  const int64_t d = call(3, "d").integer();
  if (d < 1 || d > (int64_t(1) << 31)) call(3, "d").expected("from 1 to 2^31");
  return call.environment().submit(
      queue_name(x.device()), [sources, x, r, d] { return posterior_mean(sources, x, r, d); }, tensor_to_js);
}

// perturb(y, {gaussian, epsX, epsZ, m}, tau): resolves to {x, z}.
Napi::Value perturb_points(const Call& call) {
  const at::Tensor y = call(0, "y").tensor();
  const Argument given = call(1, "draws");
  const PerturbationDraws draws{given["gaussian"].tensor().contiguous(), given["epsX"].tensor().contiguous(),
                                given["epsZ"].tensor().contiguous(), given["m"].tensor().contiguous()};
  const double tau = call(2, "tau").number();
  const int64_t count = y.dim() ? y.size(0) : 0;
  for (const at::Tensor* draw : {&draws.gaussian, &draws.eps_x})
    if (draw->numel() != y.numel() || draw->scalar_type() != at::kFloat || !draw->is_cpu())
      throw Error("ERR_PFGM_ARGUMENT", "Expected gaussian and epsX to be float32 with as many numbers as y");
  for (const at::Tensor* draw : {&draws.eps_z, &draws.m})
    if (draw->numel() != count || draw->scalar_type() != at::kFloat || !draw->is_cpu())
      throw Error("ERR_PFGM_ARGUMENT", "Expected epsZ and m to be float32 with one number a row of y");
  return call.environment().submit(
      "cpu", [y, draws, tau] { return perturb(y, draws, tau); },
      [](Napi::Env env, const Perturbed& points) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("x", tensor_to_js(env, points.x));
        object.Set("z", tensor_to_js(env, points.z));
        return object;
      });
}

}  // namespace

const std::vector<Export>& flow_exports() {
  static const std::vector<Export> table = {{"createPfgmFlow", 2, create_pfgm_flow},
                                            {"withDivergence", 2, create_with_divergence},
                                            {"pfgmPrior", 4, prior},
                                            {"fieldTarget", 4, target},
                                            {"posteriorMean", 4, mean},
                                            {"perturb", 3, perturb_points}};
  return table;
}

}  // namespace pfgm
