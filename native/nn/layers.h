// The layers that the networks share, each with its parameters under its published names.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "nn/network.h"
#include "plan/pack.h"

namespace pfgm::nn {

// Makes parameters, each initialised from its own random stream.
class Builder {
 public:
  Builder(std::vector<Parameter>& parameters, uint64_t seed, at::Device device)
      : parameters_(parameters), seed_(seed), device_(device) {}

  at::Tensor constant(const std::string& name, at::IntArrayRef shape, double value);
  // Uniform with variance scale / ((fan_in + fan_out) / 2); scale 0 stands for 1e-10, as published.
  at::Tensor variance_scaled(const std::string& name, at::IntArrayRef shape, int64_t fan_in, int64_t fan_out,
                             double scale);
  at::Tensor normal(const std::string& name, at::IntArrayRef shape, double scale, bool trained);

 private:
  at::Tensor add(const std::string& name, at::Tensor value, bool trained = true);

  std::vector<Parameter>& parameters_;
  uint64_t seed_;
  at::Device device_;
};

struct Linear {
  Linear() = default;
  Linear(Builder& builder, const std::string& name, int64_t in, int64_t out, double scale = 1);
  at::Tensor operator()(const at::Tensor& x) const;
  plan::Filter filter() const;
  at::Tensor weight, bias;
};

// A square convolution that keeps the size, unless stride and padding say otherwise. With a dilation its
// pixels lie that far apart.
struct Conv {
  Conv() = default;
  Conv(Builder& builder, const std::string& name, int64_t in, int64_t out, int64_t kernel, double scale = 1,
       int64_t stride = 1, int64_t padding = -1, int64_t dilation = 1);
  at::Tensor operator()(const at::Tensor& x) const;
  plan::Filter filter() const;
  at::Tensor weight, bias;
  int64_t stride = 1, padding = 0, dilation = 1;
};

// GroupNorm with min(C / 4, 32) groups where it is not told how many.
struct GroupNorm {
  GroupNorm() = default;
  GroupNorm(Builder& builder, const std::string& name, int64_t channels, double epsilon = 1e-6,
            int64_t groups = 0);
  at::Tensor operator()(const at::Tensor& x) const;
  at::Tensor weight, bias;
  int64_t groups = 1;
  double epsilon = 1e-6;
};

// "Network in network": a 1 x 1 convolution whose weight W is stored in x out.
struct Nin {
  Nin() = default;
  Nin(Builder& builder, const std::string& name, int64_t in, int64_t out, double scale);
  at::Tensor operator()(const at::Tensor& x) const;  // [b, in, H, W] -> [b, out, H, W]
  at::Tensor of_rows(const at::Tensor& rows) const;  // [.., in] -> [.., out]
  plan::Filter filter() const;
  at::Tensor W, b;
};

// Doubles or halves the size: with the normalised (1, 3, 3, 1) filter, or by copying and by averaging 2 x 2.
at::Tensor upsample(const at::Tensor& x, bool fir);
at::Tensor downsample(const at::Tensor& x, bool fir);
// Halves the size as downsample does, of what is padded for the filter already.
at::Tensor shrink(const at::Tensor& x, bool fir);
// Doubles or halves the size with the filter, the image going on beyond its edges as in a mirror.
at::Tensor reflect(const at::Tensor& x, bool up);
// The (1, 3, 3, 1) blur at full size, padded by 2 on every side: what precedes a stride-2 convolution.
at::Tensor blur(const at::Tensor& x);

// The tile (Network::tile) of a network of images: as many as keep a thread busy with 16384 activations a
// layer at full resolution.
int64_t tile_of_images(const ImageSize& size, int64_t channels);

// A place where a pass may be given up, forwards and on the way back: x itself.
at::Tensor stop_point(at::Tensor x);

// [as x] uint8: 1 where dropout keeps a number of x, 0 for a share p of them. A function of (seed, layer),
// drawn pixel by pixel, the channels of a pixel one after the other.
at::Tensor kept(const at::Tensor& x, double p, uint64_t seed, uint64_t layer);
// Zeroes a share p of x and scales the rest by 1 / (1 - p).
at::Tensor dropout(const at::Tensor& x, double p, uint64_t seed, uint64_t layer);

// [b, count] as `like` of labels [b] int64; those below 0, of rows without one, are all zeros.
at::Tensor one_hot(const at::Tensor& labels, int64_t count, const at::Tensor& like);

}  // namespace pfgm::nn
