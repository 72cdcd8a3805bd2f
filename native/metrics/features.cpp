#include "metrics/features.h"

#include <ATen/core/grad_mode.h>
#include <torch/script.h>

#include <filesystem>

#include "metrics/picture.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

// The last line of what libtorch says, which goes on about its own source.
std::string reason(const std::exception& error) {
  const std::string what = error.what();
  return what.substr(0, what.find('\n'));
}

class ScriptedNetwork : public FeatureNetwork {
 public:
  ScriptedNetwork(torch::jit::Module module, std::string path)
      : module_(std::move(module)), path_(std::move(path)) {
    const c10::FunctionSchema& schema = module_.get_method("forward").function().getSchema();
    returns_features_ = schema.argumentIndexWithName("return_features").has_value();
  }

  Features of(const at::Tensor& images) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor bytes = as_bytes(images);
    if (!returns_features_) return checked(parts(call(bytes, {})), images.size(0));
    return checked({tensor(call(bytes, {{"return_features", true}})), tensor(call(bytes, {}))},
                   images.size(0));
  }

 private:
  torch::IValue call(const at::Tensor& bytes, const torch::jit::Kwargs& options) const {
    const bool grey = bytes.size(1) == 1;
    if (grey && colours_ != 1) {
      try {
        return module_.forward({bytes.expand({bytes.size(0), 3, bytes.size(2), bytes.size(3)})}, options);
      } catch (const std::exception&) {
        colours_ = 1;  // which takes a picture as it is, or says why not
      }
    }
    try {
      return module_.forward({bytes}, options);
    } catch (const std::exception& error) {
      fail("does not take pictures of " + std::to_string(bytes.size(1)) + " x " +
           std::to_string(bytes.size(2)) + " x " + std::to_string(bytes.size(3)) +
           " bytes: " + reason(error));
    }
  }

  Features parts(const torch::IValue& out) const {
    if (!out.isTuple()) return {tensor(out), {}};
    const auto& elements = out.toTupleRef().elements();
    if (elements.empty()) fail("gives an empty tuple");
    return {tensor(elements[0]), elements.size() > 1 ? tensor(elements[1]) : at::Tensor()};
  }

  at::Tensor tensor(const torch::IValue& value) const {
    if (!value.isTensor()) fail("does not give a tensor");
    return value.toTensor();
  }

  Features checked(Features out, int64_t count) const {
    for (at::Tensor* part : {&out.features, &out.probabilities}) {
      if (!part->defined()) continue;
      if (part->dim() < 2 || part->size(0) != count || part->numel() == 0)
        fail("does not give a row a picture");
      *part = part->reshape({count, -1}).to(at::kCPU, at::kFloat).contiguous();
    }
    return out;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error("ERR_PFGM_DATA", "Expected a network of features in " + path_ + ", but it " + what);
  }

  mutable torch::jit::Module module_;
  const std::string path_;
  bool returns_features_;
  mutable int64_t colours_ = 3;
};

}  // namespace

std::shared_ptr<FeatureNetwork> FeatureNetwork::load(const std::string& path) {
  if (!std::filesystem::is_regular_file(path))
    throw Error("ERR_PFGM_IO", "Expected a TorchScript file at " + path + ", but there is none");
  try {
    torch::jit::Module module = torch::jit::load(path, at::kCPU);
    module.eval();
    return std::make_shared<ScriptedNetwork>(std::move(module), path);
  } catch (const std::exception& error) {
    throw Error("ERR_PFGM_DATA", "Expected a TorchScript file (torch.jit.save), but " + path +
                                     " cannot be read as one: " + reason(error));
  }
}

}  // namespace pfgm
