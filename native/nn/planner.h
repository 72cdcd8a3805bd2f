// A network's operations as steps of a plan. See ops.h.
#pragma once

#include <exception>
#include <functional>
#include <utility>
#include <vector>

#include "nn/embedding.h"
#include "nn/ops.h"
#include "plan/plan.h"

namespace pfgm::nn {

// An operation that plans do not have yet.
struct Unplanned : std::exception {};

// Layers of attention as a plan takes them.
struct AttentionFilters {
  const GroupNorm& norm;
  plan::Filter query, key, value, output;
  int64_t heads;
  double factor;  // of the sum with what comes in
  const Linear* modulation = nullptr;
};

class Planner {
 public:
  struct Image {
    plan::Value value = plan::kNone, beside = plan::kNone;
  };

  // Begins with the embedding.
  Planner(plan::Plan& plan, const Embedding& embedding);

  Image input(int64_t channels, int64_t height, int64_t width) {
    return {plan_.image(channels, height, width)};
  }
  Image convolve(const Conv& layer, const In<Image>& in, const After<Image>& after = {});
  Image convolve(const Nin& layer, const In<Image>& in, const After<Image>& after = {});
  template <class Attention>
  Image attend(const Attention& attention, const Image& x) {
    return attend(attention.filters(), x);
  }
  template <class Block>
  Image through(const Block& block, const Image& x) {
    return block(*this, x);
  }
  Image beside(const Image& a, const Image& b);
  Image resampled(const Image& x, Resample how, bool fir);
  Image reflected(const Image& x, Resample how);
  Image blurred(const Image& x);
  Image padded_at_end(const Image& x) const { return x; }  // by zeros, which convolutions find there anyway
  Image shrunk(const Image& x, const Image& h, bool fir, double factor);
  Image unshuffled(const Image& x, int64_t side) const { return whole(x, side); }
  Image shuffled(const Image& x, int64_t side) const { return whole(x, side); }
  // Ends with what comes out.
  void finish(const Image& out);

  plan::Value waves() const { return waves_; }
  plan::Value labels() const { return labels_; }  // kNone: they are among the waves

 private:
  Image convolve(const plan::Filter& filter, int64_t kernel, const In<Image>& in,
                 const After<Image>& after = {});
  Image attend(const AttentionFilters& filters, const Image& x);
  plan::Layer reading(const In<Image>& in);
  void followed_by(const After<Image>& after, plan::Layer& layer);
  static Image whole(const Image& x, int64_t side) {
    if (side > 1) throw Unplanned();
    return x;
  }
  // As one image.
  Image joined(const Image& x);
  // taps: of a side of so many pixels.
  Image resample(const plan::Layer& layer, const std::function<std::vector<plan::Tap>(int64_t size)>& taps);
  int64_t modulation(const plan::Filter& filter);

  plan::Plan& plan_;
  plan::Value waves_, labels_ = plan::kNone, embedding_;
  Activation activation_;                                      // of the embedding
  std::vector<std::pair<plan::Filter, int64_t>> modulations_;  // with the channel that they begin at
  int64_t modulation_channels_ = 0;
};

}  // namespace pfgm::nn
