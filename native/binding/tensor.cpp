#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>

#include <cstring>

#include "binding/arguments.h"
#include "data/toys.h"
#include "io/mapped_file.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr double kMostValues = 0x1p40;  // far more than memory holds

struct ElementType {
  at::ScalarType type;
  napi_typedarray_type array;
};

ElementType element_type(const Argument& dtype) {
  const std::string name = dtype.string();
  if (name == "float32") return {at::kFloat, napi_float32_array};
  if (name == "float64") return {at::kDouble, napi_float64_array};
  if (name == "uint8") return {at::kByte, napi_uint8_array};
  if (name == "int64") return {at::kLong, napi_bigint64_array};
  dtype.expected("float32, float64, uint8 or int64");
}

// createTensor(values, dtype, shape, device): copies the values at once; resolves to a tensor on the device,
// without waiting for what the CPU computes.
Napi::Value create_tensor(const Call& call) {
  const ElementType type = element_type(call(1, "dtype"));
  const std::vector<int64_t> shape = call(2, "shape").integers();
  const at::Device device = parse_device(call(3, "device").string());
  const Argument values = call(0, "values");
  if (!values.value().IsTypedArray() || values.value().As<Napi::TypedArray>().TypedArrayType() != type.array)
    values.expected("a typed array of " + call(1, "dtype").string());
  const Napi::TypedArray array = values.value().As<Napi::TypedArray>();
  double expected = 1;
  for (int64_t size : shape) {
    if (size < 0) call(2, "shape").expected("sizes of at least 0");
    expected *= double(size);
  }
  if (expected != double(array.ElementLength()))
    throw Error("ERR_PFGM_ARGUMENT", "Expected " + std::to_string(int64_t(std::min(expected, 9e15))) +
                                         " values for that shape but received " +
                                         std::to_string(array.ElementLength()));
  at::Tensor tensor = at::empty(shape, type.type);
  if (array.ByteLength() > 0) {
    void* from = nullptr;  // without array.ArrayBuffer(), as shared memory is of another class
    napi_get_typedarray_info(call.env(), array, nullptr, nullptr, &from, nullptr, nullptr);
    std::memcpy(tensor.mutable_data_ptr(), from, array.ByteLength());
  }
  if (device.is_cpu()) {
    const Napi::Promise::Deferred created = Napi::Promise::Deferred::New(call.env());
    created.Resolve(tensor_to_js(call.env(), tensor));
    return created.Promise();
  }
  return call.environment().submit(
      queue_name(device), [tensor, device] { return tensor.to(device); }, tensor_to_js);
}

// fullTensor(shape, value, dtype): resolves to a tensor on the CPU of one value everywhere.
Napi::Value full_tensor(const Call& call) {
  const std::vector<int64_t> shape = call(0, "shape").integers();
  const double value = call(1, "value").number();
  const at::ScalarType type = element_type(call(2, "dtype")).type;
  double size = 1;
  for (const int64_t length : shape) {
    if (length < 0) call(0, "shape").expected("sizes of at least 0");
    size *= double(std::max<int64_t>(length, 1));
  }
  if (size > kMostValues) call(0, "shape").expected("sizes of at most 2^40 values in all");
  return call.environment().submit(
      "cpu", [=] { return at::full(shape, value, type); }, tensor_to_js);
}

// Tensors with rows that are alike but for how many there are.
std::vector<at::Tensor> alike(const Call& call) {
  std::vector<at::Tensor> tensors;
  for (const Argument& one : call(0, "tensors").items()) {
    tensors.push_back(one.tensor());
    const at::Tensor &first = tensors.front(), &last = tensors.back();
    if (last.dim() < 1 || last.dim() != first.dim() || last.sizes().slice(1) != first.sizes().slice(1) ||
        last.scalar_type() != first.scalar_type() || last.device() != first.device())
      one.expected("a tensor with rows, of the dtype, shape of a row and device of the first");
  }
  if (tensors.empty()) call(0, "tensors").expected("at least one tensor");
  return tensors;
}

// concatTensors(tensors): resolves to their rows, one tensor's after another's.
Napi::Value concat_tensors(const Call& call) {
  const std::vector<at::Tensor> tensors = alike(call);
  return call.environment().submit(
      queue_name(tensors.front().device()), [tensors] { return at::cat(tensors); }, tensor_to_js);
}

// stackTensors(tensors): resolves to them along a new first axis, of as many rows each.
Napi::Value stack_tensors(const Call& call) {
  const std::vector<at::Tensor> tensors = alike(call);
  for (const at::Tensor& tensor : tensors)
    if (tensor.sizes() != tensors.front().sizes()) call(0, "tensors").expected("tensors of one shape");
  return call.environment().submit(
      queue_name(tensors.front().device()), [tensors] { return at::stack(tensors); }, tensor_to_js);
}

// selectTensor(tensor, axis, index): resolves to a copy of what has that place on the axis.
Napi::Value select_tensor(const Call& call) {
  const at::Tensor tensor = call(0, "tensor").tensor();
  const int64_t axis = call(1, "axis").integer(), index = call(2, "index").integer();
  if (axis < 0 || axis >= tensor.dim()) call(1, "axis").expected("one of the tensor's axes");
  if (index < 0 || index >= tensor.size(axis)) call(2, "index").expected("a place on that axis");
  return call.environment().submit(
      queue_name(tensor.device()),
      [=] { return tensor.select(axis, index).clone(at::MemoryFormat::Contiguous); }, tensor_to_js);
}

// rowNorms(tensor): resolves to |row| of each row, NaN or infinite where a value is.
Napi::Value row_norms(const Call& call) {
  const at::Tensor tensor = call(0, "tensor").tensor();
  if (tensor.dim() < 1) call(0, "tensor").expected("a tensor with rows");
  return call.environment().submit(
      queue_name(tensor.device()),
      [tensor] {
        const at::Tensor rows = tensor.flatten(1).to(at::kDouble);
        const at::Tensor norms = (rows * rows).sum(1).sqrt().to(at::kCPU).contiguous();
        const double* norm = norms.const_data_ptr<double>();
        return std::vector<double>(norm, norm + norms.numel());
      },
      numbers_to_js);
}

// mapTensor(path, dtype, shape, offset): resolves to a tensor of the values in a file from a byte on. They
// are read as they are used, so the file must be left alone as long as the tensor lives.
Napi::Value map_tensor(const Call& call) {
  const std::string path = call(0, "path").path();
  const ElementType type = element_type(call(1, "dtype"));
  const std::vector<int64_t> shape = call(2, "shape").integers();
  const int64_t offset = call(3, "offset").integer(), size = int64_t(c10::elementSize(type.type));
  if (offset < 0 || offset % size) call(3, "offset").expected("a multiple of a value's size");
  double bytes = double(size);
  for (const int64_t length : shape) {
    if (length < 1) call(2, "shape").expected("sizes of at least 1");
    bytes *= double(length);
  }
  if (bytes > double(size) * kMostValues) call(2, "shape").expected("sizes of at most 2^40 values in all");
  return call.environment().submit(
      "cpu", [=] { return map_values(path, type.type, shape, offset, bytes); }, tensor_to_js);
}

// readTensor(tensor): resolves to an ArrayBuffer with a copy of its values, row-major.
Napi::Value read_tensor(const Call& call) {
  const at::Tensor tensor = call(0, "tensor").tensor();
  return call.environment().submit(
      queue_name(tensor.device()),
      [tensor] { return tensor.detach().to(at::kCPU).contiguous().clone(at::MemoryFormat::Contiguous); },
      buffer_to_js);
}

// sliceTensor(tensor, first, count): rows [first, first + count), a copy.
Napi::Value slice_tensor(const Call& call) {
  const at::Tensor tensor = call(0, "tensor").tensor();
  const int64_t first = call(1, "first").integer(), count = call(2, "count").integer();
  if (tensor.dim() == 0 || first < 0 || count < 0 || first > tensor.size(0) || count > tensor.size(0) - first)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected rows within the tensor's " + std::to_string(tensor.dim() ? tensor.size(0) : 0) +
                    " but received " + std::to_string(first) + " to " + std::to_string(first + count));
  return call.environment().submit(
      queue_name(tensor.device()), [tensor, first, count] { return tensor.narrow(0, first, count).clone(); },
      tensor_to_js);
}

// toyPoints(kind, count, seed): resolves to an ArrayBuffer of count x 2 float32.
Napi::Value toy_points(const Call& call) {
  const std::string kind = call(0, "kind").string();
  const int64_t count = call(1, "count").integer();
  const uint64_t seed = call(2, "seed").seed();
  using Toy = void (*)(uint64_t, int64_t, float*);
  const Toy toy = kind == "two-moons"         ? Toy(two_moons)
                  : kind == "eight-gaussians" ? Toy(eight_gaussians)
                  : kind == "heart"           ? Toy(heart)
                                              : nullptr;
  if (!toy) call(0, "kind").expected("two-moons, eight-gaussians or heart");
  if (count < 1 || count > 100000000) call(1, "count").expected("from 1 to 100000000");
  return call.environment().submit(
      "cpu",
      [toy, count, seed] {
        at::Tensor points = at::empty({count, 2}, at::kFloat);
        toy(seed, count, points.mutable_data_ptr<float>());
        return points;
      },
      buffer_to_js);
}

}  // namespace

const std::vector<Export>& tensor_exports() {
  static const std::vector<Export> table = {
      {"createTensor", 4, create_tensor},   {"fullTensor", 3, full_tensor},
      {"concatTensors", 1, concat_tensors}, {"stackTensors", 1, stack_tensors},
      {"selectTensor", 3, select_tensor},   {"rowNorms", 1, row_norms},
      {"mapTensor", 4, map_tensor},         {"readTensor", 1, read_tensor},
      {"sliceTensor", 3, slice_tensor},     {"toyPoints", 3, toy_points}};
  return table;
}

}  // namespace pfgm
