#include <ATen/TensorOperators.h>

#include <cmath>

#include "binding/arguments.h"
#include "binding/items.h"
#include "data/values.h"
#include "metrics/energy.h"
#include "metrics/features.h"
#include "metrics/inception.h"
#include "metrics/inception_score.h"
#include "metrics/kernel_distance.h"
#include "metrics/moments.h"
#include "metrics/neighbours.h"
#include "metrics/sliced_wasserstein.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr int64_t kMostFeatures = 4096, kMostNumbers = int64_t(1) << 27;

at::Tensor matrix(const Argument& argument, at::ScalarType type) {
  const at::Tensor tensor = argument.tensor();
  if (tensor.dim() != 2 || tensor.numel() == 0 || tensor.scalar_type() != type || !tensor.is_cpu())
    argument.expected("a matrix on the CPU of " + std::string(c10::toString(type)));
  return tensor;
}

at::Tensor moments_argument(const Argument& argument) {
  const at::Tensor tensor = argument.tensor();
  if (tensor.dim() != 3 || tensor.size(0) != kGroups || tensor.size(1) != tensor.size(2) ||
      tensor.size(1) < 2 || tensor.scalar_type() != at::kDouble || !tensor.is_cpu())
    argument.expected("moments");
  return tensor;
}

Gaussian gaussian_argument(const Argument& given) {
  const at::Tensor mean = given["mean"].tensor(), covariance = given["covariance"].tensor();
  if (mean.dim() != 1 || mean.scalar_type() != at::kDouble || !mean.is_cpu() || mean.numel() == 0)
    given["mean"].expected("float64 of one axis");
  if (covariance.sizes() != at::IntArrayRef({mean.size(0), mean.size(0)}) ||
      covariance.scalar_type() != at::kDouble || !covariance.is_cpu())
    given["covariance"].expected("a square of float64, as large as the mean");
  return {mean, covariance};
}

Napi::Value estimate_to_js(Napi::Env env, const Estimate& estimate) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("value", estimate.value);
  object.Set("error", estimate.error);
  return object;
}

// energyEstimate(samples, data, pixels): resolves to {value, error}.
Napi::Value energy(const Call& call) {
  const at::Tensor samples = rows_argument(call(0, "samples")), data = rows_argument(call(1, "data"));
  const bool pixels = call(2, "pixels").boolean();
  if (samples.size(0) < 2 * kGroups) call(0, "samples").expected("at least 20 items");
  return call.environment().submit(
      "cpu", [=] { return energy_estimate(comparable(samples, pixels), comparable(data, pixels)); },
      estimate_to_js);
}

// noMoments(features): of so many, none yet.
Napi::Value none(const Call& call) {
  const int64_t features = call(0, "features").integer();
  if (features < 1 || features > kMostFeatures) call(0, "features").expected("from 1 to 4096");
  return tensor_to_js(call.env(), no_moments(features));
}

// addMoments(moments, rows, first): rows' features are added; resolves when they are.
Napi::Value add(const Call& call) {
  const at::Tensor moments = moments_argument(call(0, "moments")), rows = rows_argument(call(1, "rows"));
  const int64_t first = call(2, "first").integer();
  if (rows.dim() != 2 || rows.size(1) + 1 != moments.size(1))
    call(1, "rows").expected("a row of features an item");
  if (first < 0) call(2, "first").expected("the number of an item");
  return call.environment().submit(
      "cpu",
      [=] {
        add_moments(moments, rows, first);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// gaussianOf(moments): resolves to {mean, covariance}.
Napi::Value gaussian(const Call& call) {
  const at::Tensor moments = moments_argument(call(0, "moments"));
  return call.environment().submit(
      "cpu", [=] { return gaussian_of(moments); },
      [](Napi::Env env, const Gaussian& found) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("mean", tensor_to_js(env, found.mean.contiguous()));
        object.Set("covariance", tensor_to_js(env, found.covariance.contiguous()));
        return object;
      });
}

// frechetDistance(one, other): resolves to the distance of two {mean, covariance}.
Napi::Value frechet(const Call& call) {
  const Gaussian one = gaussian_argument(call(0, "one")), other = gaussian_argument(call(1, "other"));
  return call.environment().submit(
      "cpu", [=] { return frechet_distance(one, other); },
      [](Napi::Env env, double value) { return Napi::Number::New(env, value); });
}

// frechetEstimate(moments, other): resolves to {value, error}.
Napi::Value frechet_with_error(const Call& call) {
  const at::Tensor moments = moments_argument(call(0, "moments"));
  const Gaussian other = gaussian_argument(call(1, "other"));
  return call.environment().submit(
      "cpu", [=] { return frechet_estimate(moments, other); }, estimate_to_js);
}

at::Tensor subsets_argument(const Argument& argument, int64_t total) {
  const at::Tensor rows = matrix(argument, at::kLong);
  if (rows.size(1) < 2 || rows.min().item<int64_t>() < 0 || rows.max().item<int64_t>() >= total)
    argument.expected("subsets of two rows or more");
  return rows;
}

// kernelDistances(a, b, rowsOfA, rowsOfB): resolves to those of each pair of subsets.
Napi::Value kernel(const Call& call) {
  const at::Tensor a = matrix(call(0, "a"), at::kFloat), b = matrix(call(1, "b"), at::kFloat);
  const at::Tensor of_a = subsets_argument(call(2, "rowsOfA"), a.size(0)),
                   of_b = subsets_argument(call(3, "rowsOfB"), b.size(0));
  if (of_a.size(0) != of_b.size(0)) call(3, "rowsOfB").expected("as many subsets as of a");
  return call.environment().submit(
      "cpu", [=] { return kernel_distances(a, b, of_a, of_b); }, numbers_to_js);
}

// randomSubsets(seed, subsets, size, total): resolves to rows [subsets, size].
Napi::Value subsets(const Call& call) {
  const uint64_t seed = call(0, "seed").seed();
  const int64_t count = call(1, "subsets").integer(), size = call(2, "size").integer(),
                total = call(3, "total").integer();
  if (count < 1 || size < 1 || total < size || total > kMostNumbers || count > kMostNumbers / total)
    throw Error("ERR_PFGM_ARGUMENT", "Expected subsets of at most as many rows as there are");
  return call.environment().submit(
      "cpu", [=] { return random_subsets(seed, count, size, total); }, tensor_to_js);
}

// manifolds(samples, data, k): resolves to {precision, recall, density, coverage}, each {value, error}.
Napi::Value shares(const Call& call) {
  const at::Tensor samples = rows_argument(call(0, "samples")), data = rows_argument(call(1, "data"));
  const int64_t k = call(2, "k").integer();
  return call.environment().submit(
      "cpu", [=] { return manifolds(as_values(samples), as_values(data), k); },
      [](Napi::Env env, const Manifolds& found) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("precision", estimate_to_js(env, found.precision));
        object.Set("recall", estimate_to_js(env, found.recall));
        object.Set("density", estimate_to_js(env, found.density));
        object.Set("coverage", estimate_to_js(env, found.coverage));
        return object;
      });
}

// itemNumbers(items, pixels): resolves to them as rows of float32, pixels from 0 to 1.
Napi::Value numbers(const Call& call) {
  const at::Tensor items = rows_argument(call(0, "items"));
  const bool pixels = call(1, "pixels").boolean();
  return call.environment().submit(
      "cpu",
      [=] {
        return comparable(items, pixels).reshape({items.size(0), -1}).to(at::kCPU).contiguous();
      },
      tensor_to_js);
}

// nearestRows(a, b, k, pixels): resolves to {rows, distances} of b's k for each of a's, one after the other.
Napi::Value neighbours(const Call& call) {
  const at::Tensor a = rows_argument(call(0, "a")), b = rows_argument(call(1, "b"));
  const int64_t k = call(2, "k").integer();
  const bool pixels = call(3, "pixels").boolean();
  return call.environment().submit(
      "cpu", [=] { return nearest(comparable(a, pixels), comparable(b, pixels), k); },
      [](Napi::Env env, const Nearest& found) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("rows", numbers_to_js(env, {found.rows.begin(), found.rows.end()}));
        object.Set("distances", numbers_to_js(env, found.distances));
        return object;
      });
}

// slicedWasserstein(a, b, directions, p, pixels): resolves to {value, error}.
Napi::Value wasserstein(const Call& call) {
  const at::Tensor a = rows_argument(call(0, "a")), b = rows_argument(call(1, "b"));
  const at::Tensor directions = matrix(call(2, "directions"), at::kDouble);
  const double p = call(3, "p").number();
  const bool pixels = call(4, "pixels").boolean();
  if (!(p >= 1 && p <= 16)) call(3, "p").expected("from 1 to 16");
  if (a.size(0) < kGroups) call(0, "a").expected("at least 10 items");
  return call.environment().submit(
      "cpu", [=] { return sliced_wasserstein(comparable(a, pixels), comparable(b, pixels), directions, p); },
      estimate_to_js);
}

// randomDirections(seed, count, features): resolves to [count, features] of length 1.
Napi::Value directions(const Call& call) {
  const uint64_t seed = call(0, "seed").seed();
  const int64_t count = call(1, "count").integer(), features = call(2, "features").integer();
  if (count < 1 || features < 1 || features > kMostNumbers || count > kMostNumbers / features)
    throw Error("ERR_PFGM_ARGUMENT", "Expected at least one direction, of at most 2^27 numbers in all");
  return call.environment().submit(
      "cpu", [=] { return random_directions(seed, count, features); }, tensor_to_js);
}

// inceptionScores(probabilities, splits): resolves to that of each split.
Napi::Value scores(const Call& call) {
  const at::Tensor probabilities = rows_argument(call(0, "probabilities"));
  const int64_t splits = call(1, "splits").integer();
  return call.environment().submit(
      "cpu", [=] { return inception_scores(probabilities, splits); }, numbers_to_js);
}

Napi::Value feature_network_to_js(Napi::Env env, const std::shared_ptr<FeatureNetwork>& network) {
  return Napi::Number::New(env, Environment::of(env).add(network));
}

// loadFeatureNetwork(network): a file's; resolves to a handle.
Napi::Value load_features(const Call& call) {
  const std::string path = call(0, "network").path();
  return call.environment().submit(
      "cpu", [=] { return FeatureNetwork::load(path); }, feature_network_to_js);
}

// createInceptionNetwork(): whose tensors are zeros until readState fills them; resolves to a handle.
Napi::Value create_inception(const Call& call) {
  return call.environment().submit(
      "cpu", [] { return make_inception(); }, feature_network_to_js);
}

// featuresOf(network, images): resolves to {features, probabilities?}.
Napi::Value features(const Call& call) {
  const std::shared_ptr<FeatureNetwork> network = call(0, "features").feature_network();
  const at::Tensor images = call(1, "images").tensor();
  if (images.dim() != 4 || images.numel() == 0) call(1, "images").expected("images");
  return call.environment().submit(
      "cpu", [=] { return network->of(images); },
      [](Napi::Env env, const Features& found) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("features", tensor_to_js(env, found.features));
        if (found.probabilities.defined())
          object.Set("probabilities", tensor_to_js(env, found.probabilities));
        return object;
      });
}

}  // namespace

const std::vector<Export>& evaluation_exports() {
  static const std::vector<Export> table = {{"energyEstimate", 3, energy},
                                            {"noMoments", 1, none},
                                            {"addMoments", 3, add},
                                            {"gaussianOf", 1, gaussian},
                                            {"frechetDistance", 2, frechet},
                                            {"frechetEstimate", 2, frechet_with_error},
                                            {"kernelDistances", 4, kernel},
                                            {"randomSubsets", 4, subsets},
                                            {"manifolds", 3, shares},
                                            {"nearestRows", 4, neighbours},
                                            {"itemNumbers", 2, numbers},
                                            {"slicedWasserstein", 5, wasserstein},
                                            {"randomDirections", 3, directions},
                                            {"inceptionScores", 2, scores},
                                            {"loadFeatureNetwork", 1, load_features},
                                            {"createInceptionNetwork", 0, create_inception},
                                            {"featuresOf", 2, features}};
  return table;
}

}  // namespace pfgm
