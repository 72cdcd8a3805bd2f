#include "binding/arguments.h"
#include "cuda/operators.h"
#include "runtime/error.h"

// The GPU's kernels one by one, for tests: on the CPU their tile code runs lane by lane.
namespace pfgm {
namespace {

at::Tensor rows(const Argument& given) {
  const at::Tensor tensor = given.tensor();
  if (tensor.dim() < 1) given.expected("one row an item");
  return tensor;
}

// cudaFieldTarget(sources, x, z, gamma): resolves to {target, exactGroups}.
Napi::Value field_target(const Call& call) {
  const at::Tensor sources = rows(call(0, "sources")), x = rows(call(1, "x")), z = call(2, "z").tensor();
  const double gamma = call(3, "gamma").number();
  return call.environment().submit(
      queue_name(x.device()), [=] { return cuda::field_target(sources, x, z, gamma); },
      [](Napi::Env env, const cuda::FieldResult& result) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("target", tensor_to_js(env, result.target));
        object.Set("exactGroups", double(result.exact_groups));
        return object;
      });
}

// cudaScreen(sources, x, z): resolves to [b, B, 2] float64, lower bounds and errors of squared distances.
Napi::Value screen(const Call& call) {
  const at::Tensor sources = rows(call(0, "sources")), x = rows(call(1, "x")), z = call(2, "z").tensor();
  return call.environment().submit(
      queue_name(x.device()), [=] { return cuda::screen(sources, x, z); }, tensor_to_js);
}

// cudaPrior(keys, dimensions, zMax, upperNorm, device): as pfgmPrior.
Napi::Value prior(const Call& call) {
  const std::vector<uint64_t> keys = call(0, "keys").seeds();
  const int64_t dimensions = call(1, "dimensions").integer();
  const double z_max = call(2, "zMax").number(), upper_norm = call(3, "upperNorm").number();
  const at::Device device = parse_device(call(4, "device").string());
  if (dimensions < 1 || dimensions > (int64_t(1) << 31)) call(1, "dimensions").expected("from 1 to 2^31");
  return call.environment().submit(
      queue_name(device), [=] { return cuda::prior(keys, dimensions, z_max, upper_norm, device); },
      tensor_to_js);
}

// cudaPerturb(y, {seed, step, sigma, tau, M, restrictM}): resolves to {x, z}.
Napi::Value perturb_rows(const Call& call) {
  const at::Tensor y = rows(call(0, "y"));
  const Argument given = call(1, "settings");
  const uint64_t seed = given["seed"].seed(), step = given["step"].seed();
  const Perturbation settings{given["sigma"].number(), given["tau"].number(), given["M"].number(),
                              given["restrictM"].boolean()};
  return call.environment().submit(
      queue_name(y.device()), [=] { return cuda::perturb(y, seed, step, settings); },
      [](Napi::Env env, const Perturbed& points) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("x", tensor_to_js(env, points.x));
        object.Set("z", tensor_to_js(env, points.z));
        return object;
      });
}

struct Stage {
  at::Tensor x;
  std::vector<at::Tensor> k;
  Combination y;
  std::vector<double> steps;
};

Stage stage(const Call& call) {
  Stage stage{rows(call(0, "x")),
              {},
              {{call(2, "y")["ofX"].number()}, call(2, "y")["ofK"].numbers()},
              call(3, "steps").numbers()};
  for (const Argument& drift : call(1, "k").items()) stage.k.push_back(rows(drift));
  return stage;
}

// cudaCombine(x, k, y, steps): resolves to y_i of every row, [b, N] float64.
Napi::Value combine(const Call& call) {
  const Stage given = stage(call);
  return call.environment().submit(
      queue_name(given.x.device()), [given] { return cuda::combine(given.x, given.k, given.y, given.steps); },
      tensor_to_js);
}

// cudaNorms(x, k, y, steps, next, atol, rtol): resolves to the sum over each row of the squared ratio, [b].
Napi::Value norms(const Call& call) {
  const Stage given = stage(call);
  const Combination next{{call(4, "next")["ofX"].number()}, call(4, "next")["ofK"].numbers()};
  const double atol = call(5, "atol").number(), rtol = call(6, "rtol").number();
  return call.environment().submit(
      queue_name(given.x.device()),
      [=] { return cuda::norms(given.x, given.k, given.y, &next, given.steps, atol, rtol); }, tensor_to_js);
}

}  // namespace

const std::vector<Export>& cuda_exports() {
  static const std::vector<Export> table = {
      {"cudaFieldTarget", 4, field_target}, {"cudaScreen", 3, screen},   {"cudaPrior", 5, prior},
      {"cudaPerturb", 2, perturb_rows},     {"cudaCombine", 4, combine}, {"cudaNorms", 7, norms}};
  return table;
}

}  // namespace pfgm
