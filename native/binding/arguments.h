// JavaScript values to plain C++ ones, each checked: a call with wrong values throws a TypeError that names
// the argument, and never reaches a kernel.
#pragma once

#include <napi.h>

#include <string>
#include <utility>
#include <vector>

#include "binding/environment.h"

namespace pfgm {

// One value with the name that error messages give it.
class Argument {
 public:
  Argument(Napi::Value value, std::string name) : value_(value), name_(std::move(name)) {}

  bool present() const { return !value_.IsUndefined() && !value_.IsNull(); }
  double number() const;
  int64_t integer() const;
  uint64_t seed() const;  // a bigint, or a whole number
  bool boolean() const;
  std::string string() const;
  Precision precision() const;  // float32 or bfloat16
  std::string path() const;     // without null bytes, behind which the system would cut it off
  std::vector<int64_t> integers() const;
  std::vector<double> numbers() const;  // an array or a Float64Array
  std::vector<char> flags() const;      // a Uint8Array
  std::vector<uint64_t> seeds() const;  // a BigUint64Array
  std::vector<int64_t> int32s() const;  // an Int32Array
  Napi::Function function() const;
  Argument operator[](const char* field) const;
  std::vector<Argument> items() const;
  std::vector<std::pair<std::string, Argument>> fields() const;  // an object's own, by name

  at::Tensor tensor() const { return held<at::Tensor>("a tensor"); }
  std::shared_ptr<Network> network() const { return held<std::shared_ptr<Network>>("a network"); }
  std::shared_ptr<Trainer> trainer() const { return held<std::shared_ptr<Trainer>>("a trainer"); }
  std::shared_ptr<Flow> flow() const { return held<std::shared_ptr<Flow>>("a flow"); }
  std::shared_ptr<Trajectories> trajectories() const {
    return held<std::shared_ptr<Trajectories>>("a pool of trajectories");
  }
  std::shared_ptr<FeatureNetwork> feature_network() const {
    return held<std::shared_ptr<FeatureNetwork>>("a network of features");
  }
  uint32_t id() const;
  Napi::Value value() const { return value_; }
  [[noreturn]] void expected(const std::string& what) const;

 private:
  template <class T>
  T held(const char* what) const {
    const Object& object = Environment::of(value_.Env()).get(id());
    const T* found = std::get_if<T>(&object);
    if (!found) expected(what);
    return *found;
  }

  Napi::Value value_;
  std::string name_;
};

// A call from JavaScript.
struct Call {
  const Napi::CallbackInfo& info;
  Napi::Env env() const { return info.Env(); }
  Environment& environment() const { return Environment::of(info.Env()); }
  Argument operator()(size_t index, const char* name) const { return {info[index], name}; }
};

at::Device parse_device(const std::string& name);  // throws ERR_PFGM_DEVICE where it is not there
std::string queue_name(const at::Device& device);
Napi::Value tensor_to_js(Napi::Env env, const at::Tensor& tensor);  // {id, dtype, shape, device}
Napi::Value numbers_to_js(Napi::Env env, const std::vector<double>& values);
Napi::Value flags_to_js(Napi::Env env, const std::vector<char>& values);
Napi::Value buffer_to_js(Napi::Env env, const at::Tensor& tensor);  // an ArrayBuffer with its bytes

// The exported functions, a file a room.
struct Export {
  const char* name;
  int parameters;
  Napi::Value (*call)(const Call&);
};
const std::vector<Export>& runtime_exports();
const std::vector<Export>& tensor_exports();
const std::vector<Export>& network_exports();
const std::vector<Export>& flow_exports();
const std::vector<Export>& likelihood_exports();
const std::vector<Export>& train_exports();
const std::vector<Export>& ode_exports();
const std::vector<Export>& metrics_exports();
const std::vector<Export>& evaluation_exports();
const std::vector<Export>& io_exports();
const std::vector<Export>& cuda_exports();

}  // namespace pfgm
