#include "metrics/inception.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <variant>

#include "metrics/picture.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr int64_t kSize = 299, kClasses = 1008;
constexpr int64_t kAtOnce = 16;  // pictures, of which the widest layers take 11 MB each
constexpr double kEpsilon = 1e-3;

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// What the network is made of. Paths of a fork begin at the same images; their channels are joined.
struct Shape {
  int64_t filters, height, width, stride = 1;
  bool padded = true;  // so that stride 1 keeps the size
};
struct Convolution {
  std::string name;
  Shape shape;
  at::Tensor weight, factor, shift, mean, variance;
};
enum class Pool { kHalving, kMaximum, kAverage };
struct Fork;
using Part = std::variant<Convolution, Pool, Fork>;
using Path = std::vector<Part>;
struct Fork {
  std::string name;
  std::vector<Path> paths;
};

Convolution convolution(const std::string& name, const Shape& shape) {
  return {name, shape, {}, {}, {}, {}, {}};
}

// name_1, name_2, ..., each of what the one before it gives.
Path chain(const std::string& name, const std::vector<Shape>& shapes) {
  Path path;
  for (const Shape& shape : shapes)
    path.push_back(convolution(name + "_" + std::to_string(path.size() + 1), shape));
  return path;
}

// One way along rows, one along columns, behind a path.
Path crossed(Path path, const std::string& name) {
  path.push_back(Fork{"", {{convolution(name + "a", {384, 1, 3})}, {convolution(name + "b", {384, 3, 1})}}});
  return path;
}

// Blocks at 35 x 35, 17 x 17 and 8 x 8, and those that lead from one to the next.
Fork at_35(const std::string& name, int64_t pooled) {
  return {name,
          {{convolution("branch1x1", {64, 1, 1})},
           chain("branch5x5", {{48, 1, 1}, {64, 5, 5}}),
           chain("branch3x3dbl", {{64, 1, 1}, {96, 3, 3}, {96, 3, 3}}),
           {Pool::kAverage, convolution("branch_pool", {pooled, 1, 1})}}};
}

Fork to_17(const std::string& name) {
  return {name,
          {{convolution("branch3x3", {384, 3, 3, 2, false})},
           chain("branch3x3dbl", {{64, 1, 1}, {96, 3, 3}, {96, 3, 3, 2, false}}),
           {Pool::kHalving}}};
}

Fork at_17(const std::string& name, int64_t inner) {
  return {name,
          {{convolution("branch1x1", {192, 1, 1})},
           chain("branch7x7", {{inner, 1, 1}, {inner, 1, 7}, {192, 7, 1}}),
           chain("branch7x7dbl", {{inner, 1, 1}, {inner, 7, 1}, {inner, 1, 7}, {inner, 7, 1}, {192, 1, 7}}),
           {Pool::kAverage, convolution("branch_pool", {192, 1, 1})}}};
}

Fork to_8(const std::string& name) {
  return {name,
          {chain("branch3x3", {{192, 1, 1}, {320, 3, 3, 2, false}}),
           chain("branch7x7x3", {{192, 1, 1}, {192, 1, 7}, {192, 7, 1}, {192, 3, 3, 2, false}}),
           {Pool::kHalving}}};
}

Fork at_8(const std::string& name, Pool pool) {
  return {name,
          {{convolution("branch1x1", {320, 1, 1})},
           crossed(chain("branch3x3", {{384, 1, 1}}), "branch3x3_2"),
           crossed(chain("branch3x3dbl", {{448, 1, 1}, {384, 3, 3}}), "branch3x3dbl_3"),
           {pool, convolution("branch_pool", {192, 1, 1})}}};
}

Path network() {
  return {convolution("Conv2d_1a_3x3", {32, 3, 3, 2, false}),
          convolution("Conv2d_2a_3x3", {32, 3, 3, 1, false}),
          convolution("Conv2d_2b_3x3", {64, 3, 3}),
          Pool::kHalving,
          convolution("Conv2d_3b_1x1", {80, 1, 1}),
          convolution("Conv2d_4a_3x3", {192, 3, 3, 1, false}),
          Pool::kHalving,
          at_35("Mixed_5b", 32),
          at_35("Mixed_5c", 64),
          at_35("Mixed_5d", 64),
          to_17("Mixed_6a"),
          at_17("Mixed_6b", 128),
          at_17("Mixed_6c", 160),
          at_17("Mixed_6d", 160),
          at_17("Mixed_6e", 192),
          to_8("Mixed_7a"),
          at_8("Mixed_7b", Pool::kAverage),
          at_8("Mixed_7c", Pool::kMaximum)};  // as the graph has it: the published figures rest on it
}

// Gives a path of images of so many channels its tensors, which are added to the state; returns how many
// channels come out.
int64_t allocate(Path& path, const std::string& prefix, int64_t channels, NamedTensors& state) {
  for (Part& part : path) {
    if (auto* layer = std::get_if<Convolution>(&part)) {
      const auto [filters, height, width, stride, padded] = layer->shape;
      layer->weight = at::zeros({filters, channels, height, width});
      const std::string name = prefix + layer->name;
      state.emplace_back(name + ".conv.weight", layer->weight);
      const std::pair<const char*, at::Tensor*> normalisation[] = {{"weight", &layer->factor},
                                                                   {"bias", &layer->shift},
                                                                   {"running_mean", &layer->mean},
                                                                   {"running_var", &layer->variance}};
      for (const auto& [suffix, tensor] : normalisation) {
        *tensor = at::zeros({filters});
        state.emplace_back(name + ".bn." + suffix, *tensor);
      }
      channels = filters;
    } else if (auto* fork = std::get_if<Fork>(&part)) {
      const std::string inner = fork->name.empty() ? prefix : prefix + fork->name + ".";
      int64_t joined = 0;
      for (Path& branch : fork->paths) joined += allocate(branch, inner, channels, state);
      channels = joined;
    }
  }
  return channels;
}

at::Tensor through(const Path& path, at::Tensor x);

at::Tensor through(const Convolution& layer, const at::Tensor& x) {
  const auto [filters, height, width, stride, padded] = layer.shape;
  // Normalisation by fixed figures is part of the weights.
  const at::Tensor factor = layer.factor / (layer.variance + kEpsilon).sqrt();
  const std::array<int64_t, 2> padding = {padded ? height / 2 : 0, padded ? width / 2 : 0};
  return at::conv2d(x, layer.weight * factor.view({-1, 1, 1, 1}), layer.shift - layer.mean * factor,
                    {stride, stride}, padding)
      .relu_();
}

at::Tensor through(Pool pool, const at::Tensor& x) {
  switch (pool) {
    case Pool::kHalving:
      return at::max_pool2d(x, {3, 3}, {2, 2});
    case Pool::kMaximum:
      return at::max_pool2d(x, {3, 3}, {1, 1}, {1, 1});
    default:  // of the pixels that there are: what pads an edge does not count
      return at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, false, false);
  }
}

at::Tensor through(const Fork& fork, const at::Tensor& x) {
  std::vector<at::Tensor> branches;
  for (const Path& path : fork.paths) branches.push_back(through(path, x));
  return at::cat(branches, 1);
}

at::Tensor through(const Path& path, at::Tensor x) {
  for (const Part& part : path) x = std::visit([&](const auto& kind) { return through(kind, x); }, part);
  return x;
}

class Inception final : public FeatureNetwork {
 public:
  Inception() : path_(network()) {
    const int64_t features = allocate(path_, "", 3, state_);
    classifier_ = at::zeros({kClasses, features});
    state_.emplace_back("fc.weight", classifier_);
    // Unused: a file without it is of another network.
    state_.emplace_back("fc.bias", at::zeros({kClasses}));
  }

  Features of(const at::Tensor& images) const override {
    const at::NoGradGuard no_grad;
    const int64_t count = images.size(0), channels = images.size(1);
    if (channels != 1 && channels != 3)
      throw Error("ERR_PFGM_DATA",
                  "Expected pictures of 1 or 3 channels but received " + std::to_string(channels));
    const at::Tensor bytes = as_bytes(images).expand({count, 3, images.size(2), images.size(3)});
    std::vector<at::Tensor> found;
    for (int64_t first = 0; first < count; first += kAtOnce)
      found.push_back(features_of(bytes.narrow(0, first, std::min(kAtOnce, count - first))));
    const at::Tensor features = at::cat(found);
    return {features, features.matmul(classifier_.t()).softmax(1)};
  }

  NamedTensors state() const override { return state_; }

 private:
  at::Tensor features_of(const at::Tensor& bytes) const {
    const at::Tensor pixels = at::upsample_bilinear2d(bytes.to(at::kFloat).div(255), {kSize, kSize}, false);
    return through(path_, (2 * pixels - 1).contiguous(at::MemoryFormat::ChannelsLast)).mean({2, 3});
  }

  Path path_;
  at::Tensor classifier_;
  NamedTensors state_;
};

}  // namespace

std::shared_ptr<FeatureNetwork> make_inception() {
  return std::make_shared<Inception>();
}

}  // namespace pfgm
