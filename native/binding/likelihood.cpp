#include <ATen/TensorOperators.h>

#include "binding/arguments.h"
#include "flow/pfgm.h"
#include "flow/pfgmpp.h"
#include "flow/states.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr int64_t kMostExtra = 65536;

// Data [b, ...] with at least one item and one number an item.
at::Tensor data_of(const Argument& given) {
  const at::Tensor data = given.tensor();
  if (data.dim() < 1 || data.numel() == 0) given.expected("a tensor with at least one number");
  return data;
}

std::vector<uint64_t> keys_of(const Argument& given, int64_t count) {
  const std::vector<uint64_t> keys = given.seeds();
  if (int64_t(keys.size()) != count) given.expected("one key a row, " + std::to_string(count));
  return keys;
}

// dataState(data, extra): resolves to its values as rows [b, N + extra] float64, zeros at the end.
Napi::Value state(const Call& call) {
  const at::Tensor data = data_of(call(0, "data"));
  const int64_t extra = call(1, "extra").integer();
  if (extra < 0 || extra > kMostExtra) call(1, "extra").expected("from 0 to 65536");
  return call.environment().submit(
      "cpu", [data, extra] { return data_state(data, extra); }, tensor_to_js);
}

// dequantize(data, keys, levels): resolves to values [b, N] float64 with one uniform draw a number.
Napi::Value dequantize_data(const Call& call) {
  const at::Tensor data = data_of(call(0, "data"));
  const std::vector<uint64_t> keys = keys_of(call(1, "keys"), data.size(0));
  const int64_t levels = call(2, "levels").integer();
  if (levels < 2 || levels > 65536) call(2, "levels").expected("from 2 to 65536");
  return call.environment().submit(
      "cpu", [data, keys, levels] { return dequantize(data, keys, levels); }, tensor_to_js);
}

// perturbTo(data, keys, z, upperNorm): resolves to points [b, N] float64 of the kernel around the data.
Napi::Value perturb_data(const Call& call) {
  const at::Tensor data = data_of(call(0, "data"));
  const std::vector<uint64_t> keys = keys_of(call(1, "keys"), data.size(0));
  const double z = call(2, "z").number(), upper_norm = call(3, "upperNorm").number();
  if (!(z > 0)) call(2, "z").expected("above 0");
  if (!(upper_norm > 0)) call(3, "upperNorm").expected("above 0");
  return call.environment().submit(
      "cpu", [=] { return perturb_to(data_state(data, 0), keys, z, upper_norm); }, tensor_to_js);
}

// perturbByKernel(data, keys, sigma, d): resolves to points [b, N] float64 of PFGM++'s kernel around the
// data.
Napi::Value perturb_data_by_kernel(const Call& call) {
  const at::Tensor data = data_of(call(0, "data"));
  const std::vector<uint64_t> keys = keys_of(call(1, "keys"), data.size(0));
  const double sigma = call(2, "sigma").number(), d = call(3, "d").number();
  if (!(sigma >= 0)) call(2, "sigma").expected("at least 0");
  if (!(d >= 1)) call(3, "d").expected("at least 1");
  return call.environment().submit(
      "cpu", [=] { return perturb_by_kernel(data_state(data, 0), keys, sigma, d); }, tensor_to_js);
}

// slerp(ends, fractions): resolves to points [fractions, ...] between the two rows of ends [2, ...] float64.
Napi::Value interpolate(const Call& call) {
  const at::Tensor ends = data_of(call(0, "ends"));
  const std::vector<double> fractions = call(1, "fractions").numbers();
  if (ends.size(0) != 2 || ends.scalar_type() != at::kDouble)
    call(0, "ends").expected("float64 with two rows");
  if (fractions.empty()) call(1, "fractions").expected("at least one number");
  return call.environment().submit(
      "cpu",
      [ends, fractions] {
        const at::Tensor rows = ends.reshape({2, -1}).to(at::kCPU).contiguous();
        std::vector<int64_t> shape = ends.sizes().vec();
        shape[0] = int64_t(fractions.size());
        return slerp(rows.select(0, 0), rows.select(0, 1), fractions).reshape(shape);
      },
      tensor_to_js);
}

struct Ends {
  std::vector<double> radii, integrals;
};

// readLikelihood(states, dimensions): of states [b, N + P] float64 resolves to {radii: |x| a row, integrals:
// the other P numbers, row after row}.
Napi::Value read_likelihood(const Call& call) {
  const at::Tensor states = data_of(call(0, "states"));
  const int64_t dimensions = call(1, "dimensions").integer();
  if (states.dim() != 2 || states.scalar_type() != at::kDouble)
    call(0, "states").expected("float64 of two axes");
  if (dimensions < 1 || dimensions > states.size(1))
    call(1, "dimensions").expected("from 1 to the states' numbers");
  return call.environment().submit(
      "cpu",
      [states, dimensions] {
        const at::Tensor rows = states.to(at::kCPU);
        const at::Tensor x = rows.narrow(1, 0, dimensions);
        const at::Tensor radii = (x * x).sum(1).sqrt().contiguous();
        const at::Tensor rest = rows.narrow(1, dimensions, rows.size(1) - dimensions).contiguous();
        const double* radius = radii.const_data_ptr<double>();
        const double* integral = rest.const_data_ptr<double>();
        return Ends{{radius, radius + radii.numel()}, {integral, integral + rest.numel()}};
      },
      [](Napi::Env env, const Ends& ends) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("radii", numbers_to_js(env, ends.radii));
        object.Set("integrals", numbers_to_js(env, ends.integrals));
        return object;
      });
}

}  // namespace

const std::vector<Export>& likelihood_exports() {
  static const std::vector<Export> table = {
      {"dataState", 2, state},        {"dequantize", 3, dequantize_data},
      {"perturbTo", 4, perturb_data}, {"perturbByKernel", 4, perturb_data_by_kernel},
      {"slerp", 2, interpolate},      {"readLikelihood", 2, read_likelihood}};
  return table;
}

}  // namespace pfgm
