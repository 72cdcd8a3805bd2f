#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "binding/arguments.h"
#include "binding/makers.h"
#include "field/field.h"
#include "flow/denoising.h"
#include "flow/in_time.h"
#include "flow/pfgm.h"
#include "flow/pfgmpp.h"
#include "flow/with_divergence.h"
#include "runtime/error.h"
#include "train/denoising_batch.h"

namespace pfgm {
namespace {

constexpr int64_t kMostProbes = 65536;
constexpr int64_t kMostNumbers = int64_t(1) << 32;  // of starts that are drawn at once

// {deterministic, precision, roundsAbove}
Inference inference_of(const Argument& given) {
  return {given["deterministic"].boolean(), given["precision"].precision(), given["roundsAbove"].number()};
}

// createPfgmFlow(network, {gamma, zExp, upperNorm, epsilon, normalised, inference}): a flow handle.
Napi::Value create_pfgm_flow(const Call& call) {
  const Argument config = call(1, "config");
  const PfgmConfig c{config["gamma"].number(),       config["zExp"].number(),
                     config["upperNorm"].number(),   config["epsilon"].number(),
                     config["normalised"].boolean(), inference_of(config["inference"])};
  return Napi::Number::New(call.env(),
                           call.environment().add(make_pfgm_flow(call(0, "network").network(), c)));
}

}  // namespace

std::shared_ptr<const Scales> scales_of(const Argument& given) {
  Constants constants;
  for (const auto& [name, value] : given.fields())
    if (value.value().IsNumber()) constants[name] = value.number();
  return make_scales(given["kind"].string(), constants);
}

namespace {

// createDenoisingFlow(network, {scales, inTime, inference}): a flow handle.
Napi::Value create_denoising_flow(const Call& call) {
  const Argument config = call(1, "config");
  const auto make = config["inTime"].boolean() ? make_flow_in_time : make_denoising_flow;
  const std::shared_ptr<Flow> flow =
      make(call(0, "network").network(), scales_of(config["scales"]), inference_of(config["inference"]));
  return Napi::Number::New(call.env(), call.environment().add(flow));
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

// The keys of starts and how many numbers each has: what every prior is asked for first.
struct Starts {
  std::vector<uint64_t> keys;
  int64_t dimensions;
};
Starts starts_of(const Call& call) {
  const Starts starts{call(0, "keys").seeds(), call(1, "dimensions").integer()};
  const int64_t count = std::max<int64_t>(int64_t(starts.keys.size()), 1);
  if (starts.dimensions < 1 || starts.dimensions > (int64_t(1) << 31))
    call(1, "dimensions").expected("from 1 to 2^31");
  if (starts.dimensions > kMostNumbers / count)
    call(0, "keys").expected("fewer: at most 2^32 numbers in all");
  return starts;
}

// pfgmPrior(keys, dimensions, zMax, upperNorm): resolves to starts [count, dimensions] float64.
Napi::Value prior(const Call& call) {
  const Starts starts = starts_of(call);
  const double z_max = call(2, "zMax").number(), upper_norm = call(3, "upperNorm").number();
  if (!(z_max > 0)) call(2, "zMax").expected("above 0");
  if (!(upper_norm >= 1)) call(3, "upperNorm").expected("at least 1");
  return call.environment().submit(
      "cpu", [=] { return pfgm_prior(starts.keys, starts.dimensions, z_max, upper_norm); }, tensor_to_js);
}

// pfgmppPrior(keys, dimensions, sigma, d): resolves to starts [count, dimensions] float64.
Napi::Value pfgmpp_prior(const Call& call) {
  const Starts starts = starts_of(call);
  const double sigma = call(2, "sigma").number(), d = call(3, "d").number();
  if (!(sigma >= 0)) call(2, "sigma").expected("at least 0");
  if (!(d >= 1)) call(3, "d").expected("at least 1");
  return call.environment().submit(
      "cpu",
      [=] {
        const int64_t count = int64_t(starts.keys.size());
        return perturb_by_kernel(at::zeros({count, starts.dimensions}, at::kDouble), starts.keys, sigma, d);
      },
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
  const double d = call(3, "d").number();
  if (!(d >= 1)) call(3, "d").expected("at least 1");
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

// perturbDenoising(y, {sigma, gaussian, beta}, {d, scales, published}): resolves to the points [b, N] of
// given draws, and what a network learns there, {points, x, z, target, weight}.
Napi::Value perturb_denoising(const Call& call) {
  const Argument given = call(1, "draws"), settings = call(2, "settings");
  const at::Tensor y = call(0, "y").tensor(), sigma = given["sigma"].tensor(),
                   gaussian = given["gaussian"].tensor();
  const at::Tensor beta = given["beta"].present() ? given["beta"].tensor() : at::Tensor();
  const double d = settings["d"].number();
  const std::shared_ptr<const Scales> scales = scales_of(settings["scales"]);
  const bool published = settings["published"].boolean();
  const int64_t count = y.dim() ? y.size(0) : 0;
  if (count == 0 || gaussian.numel() != y.numel() || sigma.numel() != count ||
      (beta.defined() ? beta.numel() != count : std::isfinite(d)))
    throw Error("ERR_PFGM_ARGUMENT", "Expected draws of one number a value of y, or a row of it");
  if (!(d >= 1)) settings["d"].expected("at least 1");
  struct Learned {
    at::Tensor points;
    Batch batch;
  };
  return call.environment().submit(
      "cpu",
      [=] {
        const auto host = [](const at::Tensor& given) {
          return given.to(at::kCPU).to(at::kDouble).contiguous();
        };
        const at::Tensor rows = host(y).reshape({count, -1}), flat = host(sigma);
        const std::vector<double> sigmas(flat.const_data_ptr<double>(),
                                         flat.const_data_ptr<double>() + count);
        KernelDraws draws{host(gaussian), {}};
        if (beta.defined()) draws.odds = host(beta) / (1 - host(beta));
        const at::Tensor points = perturb_by_kernel(rows, sigmas, draws, d, published);
        return Learned{points, preconditioned(points, rows, sigmas, *scales)};
      },
      [](Napi::Env env, const Learned& learned) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("points", tensor_to_js(env, learned.points));
        object.Set("x", tensor_to_js(env, learned.batch.x));
        object.Set("z", tensor_to_js(env, learned.batch.z));
        object.Set("target", tensor_to_js(env, learned.batch.target));
        object.Set("weight", tensor_to_js(env, learned.batch.weight));
        return object;
      });
}

}  // namespace

const std::vector<Export>& flow_exports() {
  static const std::vector<Export> table = {{"createPfgmFlow", 2, create_pfgm_flow},
                                            {"createDenoisingFlow", 2, create_denoising_flow},
                                            {"pfgmppPrior", 4, pfgmpp_prior},
                                            {"withDivergence", 2, create_with_divergence},
                                            {"pfgmPrior", 4, prior},
                                            {"fieldTarget", 4, target},
                                            {"posteriorMean", 4, mean},
                                            {"perturb", 3, perturb_points},
                                            {"perturbDenoising", 3, perturb_denoising}};
  return table;
}

}  // namespace pfgm
