#include "nn/planner.h"

#include <cmath>

namespace pfgm::nn {

using plan::Filter;
using plan::Form;
using plan::kNone;
using plan::Layer;
using plan::Packing;
using plan::padded;
using plan::Value;

Planner::Planner(plan::Plan& plan, const Embedding& embedding) : plan_(plan) {
  const auto linear = [&](const Linear& layer, Value in, bool silu, Value skip) {
    const Filter filter = layer.filter();
    Packing weights(Form::kOne, filter.inputs, 0, filter.outputs);
    weights.add(filter, 0);
    Layer planned;
    planned.in[0] = in;
    planned.silu = silu;
    planned.skip = skip;
    planned.outputs = filter.outputs;
    return plan_.convolve(planned, std::move(weights));
  };
  waves_ = plan_.rows(embedding.wave_count());
  if (embedding.classes > 0 && embedding.labels_last) labels_ = plan_.rows(embedding.label_weight.size(0));
  embedding_ = linear(embedding.layer_1, linear(embedding.layer_0, waves_, false, kNone), true, labels_);
}

void Planner::finish() {
  if (modulations_.empty()) return;
  Packing weights(Form::kOne, plan_.channels(embedding_), 0, modulation_channels_);
  for (const auto& [filter, first] : modulations_) weights.add(filter, first);
  Layer layer;
  layer.in[0] = embedding_;
  layer.silu = true;
  layer.outputs = modulation_channels_;
  plan_.set_modulation(plan_.convolve(layer, std::move(weights)));
}

// The channel at which what the filter gives of the embedding begins.
int64_t Planner::modulation(const Filter& filter) {
  const int64_t first = modulation_channels_;
  modulations_.emplace_back(filter, first);
  modulation_channels_ += padded(filter.outputs);
  return first;
}

Planner::Image Planner::beside(const Image& a, const Image& b) const {
  if (a.beside != kNone || b.beside != kNone) throw Unplanned();
  return {a.value, b.value};
}

Layer Planner::reading(const In<Image>& in) {
  if (in.fir) throw Unplanned();
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
  layer.silu = in.through_silu;
  layer.resample = in.resample;
  return layer;
}

Planner::Image Planner::convolve(const Conv& layer, const In<Image>& in, const After<Image>& after) {
  const int64_t kernel = layer.weight.size(2);
  if (layer.stride != 1 || layer.dilation != 1 || layer.padding != kernel / 2 || (kernel != 1 && kernel != 3))
    throw Unplanned();
  return convolve(layer.filter(), kernel, in, after);
}

Planner::Image Planner::convolve(const Nin& layer, const In<Image>& in, const After<Image>& after) {
  return convolve(layer.filter(), 1, in, after);
}

Planner::Image Planner::convolve(const Filter& filter, int64_t kernel, const In<Image>& in,
                                 const After<Image>& after) {
  Layer layer = reading(in);
  layer.outputs = filter.outputs;
  if (after.image_bias) layer.image_bias = modulation(after.image_bias->filter());
  if (after.skip) {
    if (after.skip->beside != kNone || after.fir) throw Unplanned();
    layer.skip = after.skip->value;
    layer.skip_resample = after.resample;
  }
  layer.factor = float(after.factor);
  const int64_t first = plan_.channels(in.image.value);
  const int64_t second = in.image.beside == kNone ? 0 : plan_.channels(in.image.beside);
  const auto resampled = [&](int64_t size) {
    return in.resample == Resample::kUp ? 2 * size : in.resample == Resample::kDown ? size / 2 : size;
  };
  const Form form = plan::form_of(kernel, resampled(plan_.height(in.image.value)),
                                  resampled(plan_.width(in.image.value)), first + second, filter.outputs);
  Packing weights(form, first, second, filter.outputs);
  weights.add(filter, 0);
  return {plan_.convolve(layer, std::move(weights))};
}

Planner::Image Planner::attend(const AttentionFilters& filters, const Image& x) {
  const int64_t channels = filters.query.outputs, wide = padded(channels);
  if (x.beside != kNone || (filters.heads > 1 && channels / filters.heads % plan::kPanel != 0))
    throw Unplanned();
  Layer together = reading(In<Image>(x).norm(filters.norm));
  together.outputs = 3 * wide;
  Packing weights(Form::kOne, channels, 0, 3 * wide);
  weights.add(filters.query, 0);
  weights.add(filters.key, wide);
  weights.add(filters.value, 2 * wide);
  const Value all = plan_.convolve(together, std::move(weights));
  const float scale = float(1 / std::sqrt(double(channels / filters.heads)));
  const Image mixed{plan_.attend(all, channels, filters.heads, scale)};
  return convolve(filters.output, 1, mixed, After<Image>().plus(x).times(filters.factor));
}

}  // namespace pfgm::nn
