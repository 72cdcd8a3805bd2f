// What networks of images are made of, said once for all that carry it out: a network is a template over its
// operations, which are those on tensors that keep gradients (Eager) and those of a plan (Planner). A
// convolution is said with all that surrounds it, so that a plan can do it in one go.
//
//   Image Ops::convolve(const Conv& or Nin&, const In<Image>&, const After<Image>&)
//   Image Ops::attend(const Attention&, const Image&)
//   Image Ops::through(const Block&, const Image&)   a block, which may be made again on the pass back
//   Image Ops::beside(const Image&, const Image&)   their channels, one after the other
//   and for some forms resampled, reflected, blurred, padded_at_end, shrunk, unshuffled and shuffled: see
//   eager.h
#pragma once

#include "nn/layers.h"
#include "plan/step.h"

namespace pfgm::nn {

using plan::Activation;
using plan::Resample;

// What a layer reads.
template <class Image>
struct In {
  In(const Image& image) : image(image) {}

  In& norm(const GroupNorm& layer) {
    normalisation = &layer;
    return *this;
  }
  // By what the layer gives of the embedding, [scale less one, shift] a channel.
  In& modulated(const Linear& layer) {
    modulation = &layer;
    return *this;
  }
  In& silu() {
    activation = Activation::kSilu;
    return *this;
  }
  In& gelu() {
    activation = Activation::kGelu;
    return *this;
  }
  // number: tells the layer's stream from the others'.
  In& dropout(double share, uint64_t number) {
    dropout_share = share;
    dropout_number = number;
    return *this;
  }
  In& resampled(Resample how, bool with_filter) {
    resample = how;
    fir = with_filter;
    return *this;
  }

  // In the order in which they are done.
  Image image;
  const GroupNorm* normalisation = nullptr;
  const Linear* modulation = nullptr;
  Activation activation = Activation::kNone;
  double dropout_share = 0;
  uint64_t dropout_number = 0;
  Resample resample = Resample::kNone;
  bool fir = false;  // resample with the (1, 3, 3, 1) filter
};

// What is made of what a layer gives: (it + what the linear layer gives of the embedding + skip) * factor.
template <class Image>
struct After {
  // Leaves whole channels of what the layer gives out. number: as In has it.
  After& channel_dropout(double share, uint64_t number) {
    dropout_share = share;
    dropout_number = number;
    return *this;
  }
  After& plus(const Linear& layer) {
    image_bias = &layer;
    return *this;
  }
  After& plus(const Image& image, Resample how = Resample::kNone, bool with_filter = false) {
    skip = &image;
    resample = how;
    fir = with_filter;
    return *this;
  }
  After& times(double by) {
    factor = by;
    return *this;
  }

  double dropout_share = 0;
  uint64_t dropout_number = 0;
  const Linear* image_bias = nullptr;
  const Image* skip = nullptr;
  Resample resample = Resample::kNone;
  bool fir = false;
  double factor = 1;
};

}  // namespace pfgm::nn
