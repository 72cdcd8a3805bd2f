#include "nn/layers.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <cmath>

#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm::nn {

at::Tensor Builder::add(const std::string& name, at::Tensor value, bool trained) {
  value = value.to(device_);
  parameters_.push_back({name, value, trained});
  return value;
}

at::Tensor Builder::constant(const std::string& name, at::IntArrayRef shape, double value) {
  return add(name, at::full(shape, value, at::kFloat));
}

at::Tensor Builder::variance_scaled(const std::string& name, at::IntArrayRef shape, int64_t fan_in,
                                    int64_t fan_out, double scale) {
  const double variance = (scale == 0 ? 1e-10 : scale) / (0.5 * double(fan_in + fan_out));
  const double bound = std::sqrt(3 * variance);
  at::Tensor value = at::empty(shape, at::kFloat);
  const Philox random(seed_, (uint64_t(Purpose::kInitialisation) << 32) | parameters_.size());
  float* out = value.mutable_data_ptr<float>();
  double block[4];
  for (int64_t i = 0; i < value.numel(); ++i) {
    if (i % 4 == 0) random.uniforms(uint64_t(i / 4), block);
    out[i] = float((2 * block[i % 4] - 1) * bound);
  }
  return add(name, value);
}

at::Tensor Builder::normal(const std::string& name, at::IntArrayRef shape, double scale, bool trained) {
  at::Tensor value = at::empty(shape, at::kFloat);
  const Philox random(seed_, (uint64_t(Purpose::kInitialisation) << 32) | parameters_.size());
  random.fill_normals(0, value.numel(), value.mutable_data_ptr<float>());
  return add(name, value.mul_(scale), trained);
}

Linear::Linear(Builder& builder, const std::string& name, int64_t in, int64_t out, double scale)
    : weight(builder.variance_scaled(name + ".weight", {out, in}, in, out, scale)),
      bias(builder.constant(name + ".bias", {out}, 0)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

Conv::Conv(Builder& builder, const std::string& name, int64_t in, int64_t out, int64_t kernel, double scale,
           int64_t stride, int64_t padding, int64_t dilation)
    : weight(builder.variance_scaled(name + ".weight", {out, in, kernel, kernel}, in * kernel * kernel,
                                     out * kernel * kernel, scale)),
      bias(builder.constant(name + ".bias", {out}, 0)),
      stride(stride),
      padding(padding < 0 ? kernel / 2 * dilation : padding),
      dilation(dilation) {}

at::Tensor Conv::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding}, {dilation, dilation});
}

GroupNorm::GroupNorm(Builder& builder, const std::string& name, int64_t channels, double epsilon,
                     int64_t groups)
    : weight(builder.constant(name + ".weight", {channels}, 1)),
      bias(builder.constant(name + ".bias", {channels}, 0)),
      groups(groups > 0 ? groups : std::min<int64_t>(channels / 4, 32)),
      epsilon(epsilon) {
  if (this->groups >= 1 && channels % this->groups == 0) return;
  if (groups > 0)
    throw Error("ERR_PFGM_ARGUMENT", "Expected every layer's channels to divide into " +
                                         std::to_string(groups) + " groups, but " + std::to_string(channels) +
                                         " do not");
  throw Error(
      "ERR_PFGM_ARGUMENT",
      "Expected every layer's channels to divide into the groups that are normalised together, at most "
      "32, but " +
          std::to_string(channels) + " do not: make nf a multiple of 32");
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return at::group_norm(x, groups, weight, bias, epsilon);
}

Nin::Nin(Builder& builder, const std::string& name, int64_t in, int64_t out, double scale)
    : W(builder.variance_scaled(name + ".W", {in, out}, in, out, scale)),
      b(builder.constant(name + ".b", {out}, 0)) {}

at::Tensor Nin::operator()(const at::Tensor& x) const {
  return of_rows(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

at::Tensor Nin::of_rows(const at::Tensor& rows) const {
  return at::matmul(rows, W) + b;
}

plan::Filter Linear::filter() const {
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  return {weight.const_data_ptr<float>(), outputs, inputs, inputs, 1, 0, 0, bias.const_data_ptr<float>()};
}

plan::Filter Conv::filter() const {
  const int64_t outputs = weight.size(0), inputs = weight.size(1), kernel = weight.size(2);
  return {
      weight.const_data_ptr<float>(), outputs, inputs, inputs * kernel * kernel, kernel * kernel, kernel, 1,
      bias.const_data_ptr<float>()};
}

plan::Filter Nin::filter() const {
  const int64_t inputs = W.size(0), outputs = W.size(1);
  return {W.const_data_ptr<float>(), outputs, inputs, 1, outputs, 0, 0, b.const_data_ptr<float>()};
}

namespace {

// The outer product of (1, 3, 3, 1), summing to `total`, once a channel.
at::Tensor filter(const at::Tensor& like, double total) {
  const at::Tensor taps = at::tensor({0.125f, 0.375f, 0.375f, 0.125f}).to(like.options());
  return (taps.unsqueeze(1) * taps.unsqueeze(0) * total).expand({like.size(1), 1, 4, 4}).contiguous();
}

}  // namespace

at::Tensor upsample(const at::Tensor& x, bool fir) {
  if (fir) return at::conv_transpose2d(x, filter(x, 4), {}, {2, 2}, {1, 1}, {0, 0}, x.size(1));
  return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
}

at::Tensor downsample(const at::Tensor& x, bool fir) {
  if (fir) return at::conv2d(x, filter(x, 1), {}, {2, 2}, {1, 1}, {1, 1}, x.size(1));
  return at::avg_pool2d(x, {2, 2}, {2, 2});
}

at::Tensor shrink(const at::Tensor& x, bool fir) {
  const int64_t none[] = {0, 0};
  return fir ? at::conv2d(x, filter(x, 1), {}, {2, 2}, none, {1, 1}, x.size(1)) : downsample(x, false);
}

at::Tensor reflect(const at::Tensor& x, bool up) {
  const at::Tensor wider = at::reflection_pad2d(x, {1, 1, 1, 1});
  const int64_t channels = x.size(1), cut = 3;
  if (up) return at::conv_transpose2d(wider, filter(x, 4), {}, {2, 2}, {cut, cut}, {0, 0}, channels);
  const int64_t none[] = {0, 0};
  return at::conv2d(wider, filter(x, 1), {}, {2, 2}, none, {1, 1}, channels);
}

at::Tensor blur(const at::Tensor& x) {
  return at::conv2d(x, filter(x, 1), {}, {1, 1}, {2, 2}, {1, 1}, x.size(1));
}

int64_t tile_of_images(const ImageSize& size, int64_t channels) {
  return std::clamp<int64_t>(16384 / (size.pixels() * channels), 1, 16);
}

at::Tensor stop_point(at::Tensor x) {
  const Stop& stop = Stop::current();
  stop.check();
  // The stop outlives the pass back, which belongs to the same job.
  if (x.requires_grad()) x.register_hook([&stop](const at::Tensor&) { stop.check(); });
  return x;
}

at::Tensor kept(const at::Tensor& x, double p, uint64_t seed, uint64_t layer) {
  std::vector<int64_t> shape = x.sizes().vec();
  const bool image = shape.size() == 4;
  if (image) shape = {shape[0], shape[2], shape[3], shape[1]};
  at::Tensor mask = at::empty(shape, at::kByte);
  const Philox random(seed, (uint64_t(Purpose::kDropout) << 32) | layer);
  uint8_t* out = mask.mutable_data_ptr<uint8_t>();
  const int64_t count = mask.numel();
  const uint32_t threshold = uint32_t(std::min(p, 1.0) * 4294967295.0);
  at::parallel_for(0, (count + 3) / 4, 4096, [&](int64_t first, int64_t last) {
    uint32_t raw[4];
    for (int64_t block = first; block < last; ++block) {
      random.bits(uint64_t(block), raw);
      for (int64_t i = 0; i < 4 && block * 4 + i < count; ++i) out[block * 4 + i] = raw[i] >= threshold;
    }
  });
  return image ? mask.permute({0, 3, 1, 2}) : mask;
}

at::Tensor dropout(const at::Tensor& x, double p, uint64_t seed, uint64_t layer) {
  return x * (kept(x, p, seed, layer).to(x.device(), at::kFloat) * (1 / (1 - p)));
}

at::Tensor one_hot(const at::Tensor& labels, int64_t count, const at::Tensor& like) {
  if (labels.ge(count).any().item<bool>())
    throw Error("ERR_PFGM_ARGUMENT", "Expected labels to be below " + std::to_string(count));
  const at::Tensor hot = at::one_hot(labels.clamp_min(0), count) * labels.ge(0).unsqueeze(1);
  return hot.to(like.options());
}

}  // namespace pfgm::nn
