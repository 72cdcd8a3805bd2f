#include "binding/arguments.h"
#include "cuda/field.h"
#include "cuda/perturbation.h"

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

// cudaPerturb(y, {seed, step, sigma, tau, M, restrictM}): resolves to {x, z}.
Napi::Value perturb_rows(const Call& call) {
  const at::Tensor y = rows(call(0, "y"));
  const Argument given = call(1, "settings");
  const uint64_t seed = given["seed"].seed(), step = given["step"].seed();
  const double sigma = given["sigma"].number(), tau = given["tau"].number(), M = given["M"].number();
  const bool restrict_M = given["restrictM"].boolean();
  return call.environment().submit(
      queue_name(y.device()), [=] { return cuda::perturb(y, seed, step, sigma, tau, M, restrict_M); },
      [](Napi::Env env, const cuda::PerturbedRows& points) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("x", tensor_to_js(env, points.x));
        object.Set("z", tensor_to_js(env, points.z));
        return object;
      });
}

}  // namespace

const std::vector<Export>& cuda_exports() {
  static const std::vector<Export> table = {
      {"cudaFieldTarget", 4, field_target}, {"cudaScreen", 3, screen}, {"cudaPerturb", 2, perturb_rows}};
  return table;
}

}  // namespace pfgm
