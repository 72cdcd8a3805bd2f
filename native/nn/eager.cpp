#include "nn/eager.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/silu.h>

namespace pfgm::nn {

FusedConvolution Eager::fused(const In<at::Tensor>& in, const After<at::Tensor>& after) const {
  FusedConvolution with;
  // What reads neighbours is made first.
  const bool filtered = in.fir && in.resample != Resample::kNone;
  with.x = filtered ? prepared(in) : in.image;
  if (!filtered) {
    with.norm = in.normalisation;
    if (in.modulation) with.modulation = (*in.modulation)(embedding_);
    with.activation = in.activation;
    if (mode_.training && in.dropout_share > 0) {
      with.kept = kept(in.image, in.dropout_share, mode_.dropout_seed, in.dropout_number);
      with.kept_factor = 1 / (1 - in.dropout_share);
    }
    with.resample = in.resample;
  }
  if (after.image_bias) with.image_bias = (*after.image_bias)(embedding_);
  if (after.skip) {
    with.skip = after.fir ? resampled(*after.skip, after.resample, true) : *after.skip;
    with.skip_resample = after.fir ? Resample::kNone : after.resample;
  }
  with.factor = after.factor;
  with.precision = mode_.precision;
  return with;
}

at::Tensor Eager::prepared(const In<at::Tensor>& in) const {
  at::Tensor h = in.image;
  if (in.normalisation) h = (*in.normalisation)(h);
  if (in.modulation) {
    const at::Tensor given = (*in.modulation)(embedding_).unsqueeze(-1).unsqueeze(-1);
    const int64_t channels = h.size(1);
    h = h * (given.slice(1, 0, channels) + 1) + given.slice(1, channels, 2 * channels);
  }
  if (in.activation == Activation::kSilu) h = at::silu(h);
  if (in.activation == Activation::kGelu) h = at::gelu(h);
  if (mode_.training && in.dropout_share > 0)
    h = nn::dropout(h, in.dropout_share, mode_.dropout_seed, in.dropout_number);
  return resampled(h, in.resample, in.fir);
}

at::Tensor Eager::finished(const at::Tensor& output, const After<at::Tensor>& after) const {
  at::Tensor h = stop_point(output);
  if (drops(after)) {
    const at::Tensor channels = at::ones({h.size(0), h.size(1), 1, 1}, h.options());
    h = h * nn::dropout(channels, after.dropout_share, mode_.dropout_seed, after.dropout_number);
  }
  if (after.image_bias) h = h + (*after.image_bias)(embedding_).unsqueeze(-1).unsqueeze(-1);
  if (after.skip) h = resampled(*after.skip, after.resample, after.fir) + h;
  return after.factor == 1 ? h : h * after.factor;
}

at::Tensor Eager::resampled(const at::Tensor& x, Resample how, bool fir) const {
  if (how == Resample::kUp) return upsample(x, fir);
  if (how == Resample::kDown) return downsample(x, fir);
  return x;
}

at::Tensor Eager::reflected(const at::Tensor& x, Resample how) const {
  return how == Resample::kNone ? x : reflect(x, how == Resample::kUp);
}

at::Tensor Eager::unshuffled(const at::Tensor& x, int64_t side) const {
  return side == 1 ? x : at::pixel_unshuffle(x, side);
}

at::Tensor Eager::shuffled(const at::Tensor& x, int64_t side) const {
  return side == 1 ? x : at::pixel_shuffle(x, side);
}

at::Tensor Eager::padded_at_end(const at::Tensor& x) const {
  return at::constant_pad_nd(x, {0, 1, 0, 1});
}

at::Tensor Eager::shrunk(const at::Tensor& x, const at::Tensor& h, bool fir, double factor) const {
  return (h + shrink(x, fir)) * factor;
}

at::Tensor Eager::beside(const at::Tensor& a, const at::Tensor& b) const {
  return at::cat({a, b}, 1);
}

}  // namespace pfgm::nn
