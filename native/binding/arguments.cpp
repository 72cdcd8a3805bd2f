#include "binding/arguments.h"

#include <ATen/Context.h>

#include <cmath>
#include <cstring>

#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr double kLargestInteger = 9007199254740991.0;
constexpr uint32_t kMostItems = 1 << 24;  // an array without entries may claim any length

std::string kind_of(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>().Value() ? "true" : "false";
    case napi_number: {
      char text[32];
      std::snprintf(text, sizeof text, "%g", value.As<Napi::Number>().DoubleValue());
      return text;
    }
    case napi_string:
      return "'" + value.As<Napi::String>().Utf8Value() + "'";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

bool is_typed(const Napi::Value& value, napi_typedarray_type type) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
}

template <typename Element, typename TypedArray>
std::vector<Element> elements(const Napi::Value& value) {
  const TypedArray array = value.As<TypedArray>();
  // An empty array may have no data to point at.
  if (array.ElementLength() == 0) return {};
  return std::vector<Element>(array.Data(), array.Data() + array.ElementLength());
}

}  // namespace

void Argument::expected(const std::string& what) const {
  throw Error("ERR_PFGM_ARGUMENT",
              "Expected " + name_ + " to be " + what + " but received " + kind_of(value_));
}

double Argument::number() const {
  if (!value_.IsNumber()) expected("a number");
  return value_.As<Napi::Number>().DoubleValue();
}

int64_t Argument::integer() const {
  const double number = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : NAN;
  if (!(std::abs(number) <= kLargestInteger) || number != std::floor(number)) expected("a whole number");
  return int64_t(number);
}

uint64_t Argument::seed() const {
  if (value_.IsBigInt()) {
    bool lossless = false;
    const uint64_t seed = value_.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless) expected("a whole number from 0 to 2^64 - 1");
    return seed;
  }
  const int64_t seed = integer();
  if (seed < 0) expected("a whole number from 0 to 2^64 - 1");
  return uint64_t(seed);
}

bool Argument::boolean() const {
  if (!value_.IsBoolean()) expected("true or false");
  return value_.As<Napi::Boolean>().Value();
}

std::string Argument::string() const {
  if (!value_.IsString()) expected("a string");
  return value_.As<Napi::String>().Utf8Value();
}

Precision Argument::precision() const {
  const std::string name = string();
  if (name == "float32") return Precision::kFloat32;
  if (name == "bfloat16") return Precision::kBfloat16;
  expected("float32 or bfloat16");
}

std::string Argument::path() const {
  const std::string path = string();
  if (path.find('\0') != std::string::npos)
    throw Error("ERR_PFGM_ARGUMENT", "Expected " + name_ + " to be a path without null bytes");
  return path;
}

std::vector<Argument> Argument::items() const {
  if (!value_.IsArray()) expected("an array");
  const Napi::Array array = value_.As<Napi::Array>();
  if (array.Length() > kMostItems) expected("an array of at most 2^24 items");
  std::vector<Argument> items;
  for (uint32_t i = 0; i < array.Length(); ++i)
    items.emplace_back(array.Get(i), name_ + "[" + std::to_string(i) + "]");
  return items;
}

std::vector<std::pair<std::string, Argument>> Argument::fields() const {
  if (!value_.IsObject()) expected("an object");
  const Napi::Object object = value_.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  if (names.Length() > kMostItems) expected("an object of at most 2^24 fields");
  std::vector<std::pair<std::string, Argument>> fields;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString().Utf8Value();
    fields.emplace_back(name, Argument(object.Get(name), name_ + "." + name));
  }
  return fields;
}

std::vector<int64_t> Argument::integers() const {
  std::vector<int64_t> values;
  for (const Argument& item : items()) values.push_back(item.integer());
  return values;
}

std::vector<double> Argument::numbers() const {
  if (is_typed(value_, napi_float64_array)) return elements<double, Napi::Float64Array>(value_);
  std::vector<double> values;
  for (const Argument& item : items()) values.push_back(item.number());
  return values;
}

std::vector<char> Argument::flags() const {
  if (!is_typed(value_, napi_uint8_array)) expected("a Uint8Array");
  return elements<char, Napi::Uint8Array>(value_);
}

std::vector<uint64_t> Argument::seeds() const {
  if (!is_typed(value_, napi_biguint64_array)) expected("a BigUint64Array");
  return elements<uint64_t, Napi::BigUint64Array>(value_);
}

std::vector<int64_t> Argument::int32s() const {
  if (!is_typed(value_, napi_int32_array)) expected("an Int32Array");
  return elements<int64_t, Napi::Int32Array>(value_);
}

Napi::Function Argument::function() const {
  if (!value_.IsFunction()) expected("a function");
  return value_.As<Napi::Function>();
}

Argument Argument::operator[](const char* field) const {
  if (!value_.IsObject()) expected("an object");
  return {value_.As<Napi::Object>().Get(field), name_ + "." + field};
}

uint32_t Argument::id() const {
  const double number = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= 1 && number <= 4294967295.0) || number != std::floor(number)) expected("a handle");
  return uint32_t(number);
}

at::Device parse_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const bool numbered = name.rfind("cuda:", 0) == 0;
  const std::string digits = numbered ? name.substr(5) : "0";
  const bool is_number =
      !digits.empty() && digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos;
  if ((name != "cuda" && !numbered) || !is_number)
    throw Error("ERR_PFGM_DEVICE", "Expected device to be cpu, cuda or cuda:N but received '" + name + "'");
  if (!at::hasCUDA())
    throw Error("ERR_PFGM_DEVICE",
                "Expected a CUDA device for '" + name +
                    "' but this libtorch has none: run `npx pfgm-torch doctor` to see why");
  const int64_t index = std::stoll(digits), count = int64_t(at::detail::getCUDAHooks().deviceCount());
  if (index >= count)
    throw Error("ERR_PFGM_DEVICE",
                "Expected one of " + std::to_string(count) + " CUDA devices but received '" + name + "'");
  return at::Device(at::kCUDA, at::DeviceIndex(index));
}

std::string queue_name(const at::Device& device) {
  return device.str();
}

Napi::Value tensor_to_js(Napi::Env env, const at::Tensor& tensor) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array shape = Napi::Array::New(env, size_t(tensor.dim()));
  for (int64_t i = 0; i < tensor.dim(); ++i) shape.Set(uint32_t(i), double(tensor.size(i)));
  const char* dtype = "float32";
  switch (tensor.scalar_type()) {
    case at::kDouble:
      dtype = "float64";
      break;
    case at::kByte:
      dtype = "uint8";
      break;
    case at::kLong:
      dtype = "int64";
      break;
    default:
      break;
  }
  object.Set("id", Environment::of(env).add(tensor));
  object.Set("dtype", dtype);
  object.Set("shape", shape);
  object.Set("device", queue_name(tensor.device()));
  return object;
}

Napi::Value numbers_to_js(Napi::Env env, const std::vector<double>& values) {
  Napi::Float64Array array = Napi::Float64Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array[i] = values[i];
  return array;
}

Napi::Value flags_to_js(Napi::Env env, const std::vector<char>& values) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array[i] = uint8_t(values[i]);
  return array;
}

Napi::Value buffer_to_js(Napi::Env env, const at::Tensor& tensor) {
  const size_t size = tensor.nbytes();
  if (size == 0) return Napi::ArrayBuffer::New(env, 0);
  // The bytes are handed over without a copy where the runtime allows it (Electron does not).
  auto* owner = new at::Tensor(tensor);
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      env, owner->mutable_data_ptr(), size,
      [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); }, owner, &buffer);
  if (status == napi_ok) return Napi::Value(env, buffer);
  delete owner;
  Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, size);
  std::memcpy(copy.Data(), tensor.const_data_ptr(), size);
  return copy;
}

}  // namespace pfgm
