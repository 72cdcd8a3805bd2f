#include "nn/planner.h"

#include <cmath>

namespace pfgm::nn {

using plan::Filter;
using plan::Form;
using plan::kNone;
using plan::Layer;
using plan::Packing;
using plan::padded;
using plan::Precision;
using plan::Tap;
using plan::Value;

namespace {

const std::vector<float> kFilter = {0.125f, 0.375f, 0.375f, 0.125f};  // (1, 3, 3, 1)

// Pixel i of `to` is the sum of filter[k] * in[i * stride + offset + k], zero where there are no pixels.
std::vector<Tap> taps(int64_t from, int64_t to, int64_t stride, int64_t offset,
                      const std::vector<float>& filter) {
  std::vector<Tap> all;
  for (int64_t i = 0; i < to; ++i) {
    Tap tap{0, 0, {}};
    for (int64_t k = 0; k < int64_t(filter.size()); ++k) {
      const int64_t at = i * stride + offset + k;
      if (at < 0 || at >= from) continue;
      if (tap.count == 0) tap.first = at;
      tap.weights[tap.count++] = filter[size_t(k)];
    }
    all.push_back(tap);
  }
  return all;
}

// Twice the size or half of it with the filter, whose pixels lie between those of the input.
std::vector<Tap> filter_taps(Resample how, int64_t size) {
  if (how == Resample::kDown) return taps(size, size / 2, 2, -1, kFilter);
  std::vector<Tap> all;
  for (int64_t i = 0; i < 2 * size; ++i) {
    const bool odd = i % 2;
    const std::vector<float> near = odd ? std::vector<float>{0.75f, 0.25f} : std::vector<float>{0.25f, 0.75f};
    all.push_back(taps(size, 1, 1, odd ? i / 2 : i / 2 - 1, near)[0]);
  }
  return all;
}

// With the filter, pixels beyond the edges being those as far within.
std::vector<Tap> reflected_taps(Resample how, int64_t size) {
  // Of an image that is wider by a pixel on either side: of those that fall together, the weights are added.
  const auto within = [&](Tap tap) {
    Tap folded{size, 0, {}};
    const auto place = [&](int64_t k) {
      const int64_t at = tap.first + k - 1;
      return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
    };
    for (int64_t k = 0; k < tap.count; ++k) folded.first = std::min(folded.first, place(k));
    for (int64_t k = 0; k < tap.count; ++k) {
      const int64_t at = place(k) - folded.first;
      folded.count = std::max(folded.count, at + 1);
      folded.weights[at] += tap.weights[k];
    }
    return folded;
  };
  std::vector<Tap> all;
  if (how == Resample::kDown) {
    for (const Tap& tap : taps(size + 2, size / 2, 2, 0, kFilter)) all.push_back(within(tap));
    return all;
  }
  const std::vector<Tap> wide = filter_taps(how, size + 2);
  for (int64_t i = 2; i < 2 * size + 2; ++i) all.push_back(within(wide[size_t(i)]));
  return all;
}

std::vector<Tap> plain_taps(Resample how, int64_t size) {
  if (how == Resample::kDown) return taps(size, size / 2, 2, 0, {0.5f, 0.5f});
  std::vector<Tap> all;
  for (int64_t i = 0; i < 2 * size; ++i) all.push_back({i / 2, 1, {1}});
  return all;
}

}  // namespace

Planner::Planner(plan::Plan& plan, const Embedding& embedding)
    : plan_(plan), activation_(embedding.activation) {
  const auto linear = [&](const Linear& layer, Value in, Activation activation, Value skip) {
    const Filter filter = layer.filter();
    Packing weights(Form::kOne, Precision::kFloat32, filter.inputs, 0, filter.outputs);
    weights.add(plan_.kernel(), filter, 0);
    Layer planned;
    planned.in[0] = in;
    planned.activation = activation;
    planned.skip = skip;
    planned.outputs = filter.outputs;
    return plan_.convolve(planned, std::move(weights));
  };
  waves_ = plan_.rows(embedding.wave_count());
  if (embedding.classes > 0 && embedding.labels_last) labels_ = plan_.rows(embedding.label_weight.size(0));
  const Value first = linear(embedding.layer_0, waves_, Activation::kNone, kNone);
  embedding_ = linear(embedding.layer_1, first, activation_, labels_);
}

void Planner::finish(const Image& out) {
  // All that layers take of the embedding, as one product.
  if (!modulations_.empty()) {
    Packing weights(Form::kOne, Precision::kFloat32, plan_.channels(embedding_), 0, modulation_channels_);
    for (const auto& [filter, first] : modulations_) weights.add(plan_.kernel(), filter, first);
    Layer layer;
    layer.in[0] = embedding_;
    layer.activation = activation_;
    layer.outputs = modulation_channels_;
    plan_.set_modulation(plan_.convolve(layer, std::move(weights)));
  }
  plan_.finish(out.value);
}

// The channel at which what the filter gives of the embedding begins.
int64_t Planner::modulation(const Filter& filter) {
  const int64_t first = modulation_channels_;
  modulations_.emplace_back(filter, first);
  modulation_channels_ += padded(filter.outputs);
  return first;
}

Planner::Image Planner::beside(const Image& a, const Image& b) {
  return {joined(a).value, joined(b).value};
}

Planner::Image Planner::joined(const Image& x) {
  if (x.beside == kNone) return x;
  // The second one's channels would not follow the first one's padding.
  if (plan_.channels(x.value) % plan::kPanel != 0) throw Unplanned();
  Layer layer;
  layer.in[0] = x.value;
  layer.in[1] = x.beside;
  return resample(layer, [](int64_t size) { return taps(size, size, 1, 0, {1}); });
}

Layer Planner::reading(const In<Image>& in) {
  Layer layer;
  layer.in[0] = in.image.value;
  layer.in[1] = in.image.beside;
  if (const GroupNorm* norm = in.normalisation) {
    layer.norm.groups = norm->groups;
    layer.norm.epsilon = norm->epsilon;
    layer.norm.weight = norm->weight.const_data_ptr<float>();
    layer.norm.bias = norm->bias.const_data_ptr<float>();
  }
  if (in.modulation) {
    Filter scale = in.modulation->filter(), shift = scale;
    scale.outputs = shift.outputs = scale.outputs / 2;
    shift.weights += shift.outputs * shift.output_pitch;
    shift.bias += shift.outputs;
    layer.norm_scale = modulation(scale);
    layer.norm_shift = modulation(shift);
  }
  layer.activation = in.activation;
  layer.resample = in.resample;
  if (!in.fir || in.resample == Resample::kNone) return layer;
  // The filter reads neighbours, so what it reads is made first.
  if (in.image.beside != kNone || in.modulation) throw Unplanned();
  layer.resample = Resample::kNone;
  Layer filtered;
  filtered.in[0] = resample(layer, [&](int64_t size) { return filter_taps(in.resample, size); }).value;
  return filtered;
}

void Planner::followed_by(const After<Image>& after, Layer& layer) {
  if (after.image_bias) layer.image_bias = modulation(after.image_bias->filter());
  if (after.skip) {
    const Image skip = joined(*after.skip);
    layer.skip = after.fir ? resampled(skip, after.resample, true).value : skip.value;
    layer.skip_resample = after.fir ? Resample::kNone : after.resample;
  }
  layer.factor = float(after.factor);
}

Planner::Image Planner::resample(const Layer& layer,
                                 const std::function<std::vector<Tap>(int64_t size)>& taps) {
  return {plan_.resample(layer, taps(plan_.height(layer.in[0])), taps(plan_.width(layer.in[0])))};
}

Planner::Image Planner::resampled(const Image& x, Resample how, bool fir) {
  if (how == Resample::kNone) return x;
  Layer layer;
  layer.in[0] = joined(x).value;
  return resample(layer, [&](int64_t size) { return fir ? filter_taps(how, size) : plain_taps(how, size); });
}

Planner::Image Planner::reflected(const Image& x, Resample how) {
  if (how == Resample::kNone) return x;
  Layer layer;
  layer.in[0] = joined(x).value;
  return resample(layer, [&](int64_t size) { return reflected_taps(how, size); });
}

Planner::Image Planner::blurred(const Image& x) {
  Layer layer;
  layer.in[0] = x.value;
  return resample(layer, [](int64_t size) { return taps(size, size + 1, 1, -2, kFilter); });
}

Planner::Image Planner::shrunk(const Image& x, const Image& h, bool fir, double factor) {
  Layer layer;
  layer.in[0] = x.value;
  layer.skip = h.value;
  layer.factor = float(factor);
  return resample(layer, [&](int64_t size) {
    return fir ? taps(size, (size - 2) / 2, 2, 0, kFilter) : plain_taps(Resample::kDown, size);
  });
}

Planner::Image Planner::convolve(const Conv& layer, const In<Image>& in, const After<Image>& after) {
  const int64_t kernel = layer.weight.size(2), around = layer.padding - kernel / 2;
  if (layer.dilation != 1 || (kernel != 1 && kernel != 3)) throw Unplanned();
  if (layer.stride == 1 && around == 0) return convolve(layer.filter(), kernel, in, after);
  const bool plain = !in.normalisation && in.activation == Activation::kNone &&
                     in.resample == Resample::kNone && !after.skip && !after.image_bias &&
                     in.image.beside == kNone;
  if (layer.stride == 1 && around == 1 && plain) {
    // Zeros around the input, which a convolution that keeps the size then sees.
    Layer wider;
    wider.in[0] = in.image.value;
    const Image framed = resample(wider, [](int64_t size) { return taps(size, size + 2, 1, -1, {1}); });
    return convolve(layer.filter(), kernel, framed, after);
  }
  if (layer.stride == 2 && layer.padding <= 1 && kernel == 3 && !after.image_bias) {
    // Every second pixel of the convolution that keeps the size: few layers are so.
    Layer second;
    followed_by(after, second);
    second.in[0] = convolve(layer.filter(), kernel, in).value;
    const int64_t first = 1 - layer.padding;
    return resample(second, [&](int64_t size) { return taps(size, size / 2, 2, first, {1}); });
  }
  throw Unplanned();
}

Planner::Image Planner::convolve(const Nin& layer, const In<Image>& in, const After<Image>& after) {
  return convolve(layer.filter(), 1, in, after);
}

Planner::Image Planner::convolve(const Filter& filter, int64_t kernel, const In<Image>& in,
                                 const After<Image>& after) {
  Layer layer = reading(in);
  layer.outputs = filter.outputs;
  followed_by(after, layer);
  const int64_t first = plan_.channels(in.image.value);
  const int64_t second = in.image.beside == kNone ? 0 : plan_.channels(in.image.beside);
  const auto resampled = [&](int64_t size) {
    return layer.resample == Resample::kUp ? 2 * size : layer.resample == Resample::kDown ? size / 2 : size;
  };
  const Precision precision = plan::precision_of(plan_.precision(), first + second, filter.outputs);
  const Form form =
      plan::form_of(kernel, resampled(plan_.height(layer.in[0])), resampled(plan_.width(layer.in[0])),
                    first + second, filter.outputs, precision);
  Packing weights(form, precision, first, second, filter.outputs);
  weights.add(plan_.kernel(), filter, 0);
  return {plan_.convolve(layer, std::move(weights))};
}

Planner::Image Planner::attend(const AttentionFilters& filters, const Image& in) {
  const int64_t channels = filters.query.outputs, wide = padded(channels);
  if (filters.heads > 1 && channels / filters.heads % plan::kPanel != 0) throw Unplanned();
  const Image x = joined(in);
  In<Image> normalised = In<Image>(x).norm(filters.norm);
  if (filters.modulation) normalised.modulated(*filters.modulation);
  Layer together = reading(normalised);
  together.outputs = 3 * wide;
  Packing weights(Form::kOne, plan::precision_of(plan_.precision(), channels, 3 * wide), channels, 0,
                  3 * wide);
  weights.add(plan_.kernel(), filters.query, 0);
  weights.add(plan_.kernel(), filters.key, wide);
  weights.add(plan_.kernel(), filters.value, 2 * wide);
  const Value all = plan_.convolve(together, std::move(weights));
  const float scale = float(1 / std::sqrt(double(channels / filters.heads)));
  const Image mixed{plan_.attend(all, channels, filters.heads, scale)};
  return convolve(filters.output, 1, mixed, After<Image>().plus(x).times(filters.factor));
}

}  // namespace pfgm::nn
