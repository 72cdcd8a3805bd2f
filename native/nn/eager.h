// A network's operations on tensors, which keep gradients: on a CPU convolutions with what surrounds them by
// the package's own kernels, all else by libtorch's. See ops.h.
#pragma once

#include <ATen/core/grad_mode.h>

#include "nn/autocast.h"
#include "nn/fused_convolution.h"
#include "nn/ops.h"
#include "nn/recomputed.h"

namespace pfgm::nn {

class Eager {
 public:
  using Image = at::Tensor;

  // embedding: as layers take it, [b, ..].
  Eager(const at::Tensor& embedding, const Mode& mode)
      : embedding_(embedding), mode_(mode), fuses_(mode.fuses && embedding.is_cpu()) {}

  template <class Layer>
  at::Tensor convolve(const Layer& layer, const In<at::Tensor>& in,
                      const After<at::Tensor>& after = {}) const {
    if (!fuses_ || !can_be_fused(layer)) return finished(layer(prepared(in)), after);
    if (!drops(after)) return fused_convolution(layer, fused(in, after));
    return finished(fused_convolution(layer, fused(in, {})), after);
  }
  template <class Attention>
  at::Tensor attend(const Attention& attention, const at::Tensor& x) const {
    if (!recomputes()) return stop_point(attention(x, embedding_));
    const auto part = [&attention, precision = by_libtorch()](const at::Tensor& x,
                                                              const at::Tensor& embedding) {
      const Autocast rounded(x.device(), precision);
      return stop_point(attention(x, embedding));
    };
    return recomputed(part, x, embedding_);
  }
  template <class Block>
  at::Tensor through(const Block& block, const at::Tensor& x) const {
    if (!recomputes()) return block(*this, x);
    const auto part = [&block, mode = mode_, precision = by_libtorch()](const at::Tensor& x,
                                                                        const at::Tensor& embedding) {
      const Autocast rounded(x.device(), precision);
      Mode inside = mode;
      inside.recomputes = false;
      const Eager ops(embedding, inside);
      return block(ops, x);
    };
    return recomputed(part, x, embedding_);
  }
  at::Tensor beside(const at::Tensor& a, const at::Tensor& b) const;
  at::Tensor resampled(const at::Tensor& x, Resample how, bool fir) const;
  // With the filter, the image going on beyond its edges as in a mirror.
  at::Tensor reflected(const at::Tensor& x, Resample how) const;
  at::Tensor blurred(const at::Tensor& x) const { return blur(x); }
  // By a row and a column of zeros, on the right and below.
  at::Tensor padded_at_end(const at::Tensor& x) const;
  // Halves x, which is padded for the filter already, and adds it to h.
  at::Tensor shrunk(const at::Tensor& x, const at::Tensor& h, bool fir, double factor) const;
  // Squares of so many pixels a side as channels, and back.
  at::Tensor unshuffled(const at::Tensor& x, int64_t side) const;
  at::Tensor shuffled(const at::Tensor& x, int64_t side) const;

 private:
  bool drops(const After<at::Tensor>& after) const { return mode_.training && after.dropout_share > 0; }
  bool recomputes() const { return mode_.recomputes && at::GradMode::is_enabled(); }
  // The precision of libtorch's operations.
  Precision by_libtorch() const { return fuses_ ? Precision::kFloat32 : mode_.precision; }
  FusedConvolution fused(const In<at::Tensor>& in, const After<at::Tensor>& after) const;
  at::Tensor prepared(const In<at::Tensor>& in) const;
  at::Tensor finished(const at::Tensor& h, const After<at::Tensor>& after) const;

  at::Tensor embedding_;
  const Mode& mode_;
  const bool fuses_;
};

}  // namespace pfgm::nn
