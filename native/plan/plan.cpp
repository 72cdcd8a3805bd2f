#include "plan/plan.h"

#include <ATen/Parallel.h>

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "plan/run.h"
#include "runtime/profile.h"
#include "runtime/stop.h"

namespace pfgm::plan {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
// Floats that the values of a run take where they can: they stay in the cache, about; and what a few images
// may take.
constexpr int64_t kFloats = 8 << 20, kMostFloats = 64 << 20;
}  // namespace

Value Plan::add(int64_t count, int64_t channels, int64_t height, int64_t width, bool of_rows) {
  values_.push_back({count, channels, height, width, of_rows});
  return Value(values_.size()) - 1;
}

Value Plan::rows(int64_t channels) {
  return add(channels, padded(channels), 1, 1, true);
}

Value Plan::image(int64_t channels, int64_t height, int64_t width) {
  return add(channels, padded(channels), height, width, false);
}

// By the step that is added next.
void Plan::reads(const Layer& layer) {
  for (Value value : {layer.in[0], layer.in[1], layer.skip})
    if (value != kNone) values_[value].read = int64_t(steps(value).list.size());
  if (layer.norm.groups)
    for (Value value : layer.in)
      if (value != kNone) values_[value].parts = 1;
}

Value Plan::convolve(const Layer& layer, Packing weights) {
  const Held in = values_[layer.in[0]];
  reads(layer);
  const auto resampled = [&](int64_t size) {
    return layer.resample == Resample::kUp ? size * 2 : layer.resample == Resample::kDown ? size / 2 : size;
  };
  const Value out =
      add(layer.outputs, padded(layer.outputs), resampled(in.height), resampled(in.width), in.of_rows);
  values_[out].made = int64_t(steps(out).list.size());
  steps(out).list.push_back(Convolving{layer, std::move(weights), out});
  return out;
}

Value Plan::resample(const Layer& layer, std::vector<Tap> rows, std::vector<Tap> columns) {
  const Held in = values_[layer.in[0]];
  reads(layer);
  int64_t count = in.count, channels = in.channels;
  if (layer.in[1] != kNone) {
    count += values_[layer.in[1]].count;
    channels += values_[layer.in[1]].channels;
  }
  const Value out = add(count, channels, int64_t(rows.size()), int64_t(columns.size()), false);
  values_[out].made = int64_t(image_steps_.list.size());
  image_steps_.list.push_back(Resampled{layer, std::move(rows), std::move(columns), out});
  return out;
}

Value Plan::attend(Value in, int64_t channels, int64_t heads, float scale) {
  Layer layer;
  layer.in[0] = in;
  reads(layer);
  const Held held = values_[in];
  const Value out = add(channels, padded(channels), held.height, held.width, false);
  values_[out].made = int64_t(image_steps_.list.size());
  image_steps_.list.push_back(Attending{in, out, heads, padded(channels) / heads, scale});
  return out;
}

void Plan::finish(Value out) {
  out_ = out;
  values_[out].read = kEnd;
  if (modulation_ != kNone) values_[modulation_].read = kEnd;
  // Convolutions make their sums in as many parts as there are blocks.
  for (Held& held : values_) {
    if (held.parts == 0) continue;
    const auto* maker = held.made < 0 ? nullptr : &(held.of_rows ? row_steps_ : image_steps_).list[held.made];
    if (!maker || std::holds_alternative<Attending>(*maker))
      throw std::logic_error("A plan normalises what has no sums");
    if (const auto* convolving = std::get_if<Convolving>(maker))
      held.parts = grid(convolving->weights.form(), convolving->weights.precision(), held.height, held.width,
                        convolving->weights.depth())
                       .parts;
  }
  for (const bool of_rows : {true, false}) {
    std::vector<Held*> placed;  // by offset
    int64_t& floats = (of_rows ? row_steps_ : image_steps_).floats;
    for (Held& held : values_) {
      if (held.of_rows != of_rows) continue;
      held.offset = 0;
      auto next = placed.begin();
      for (; next != placed.end(); ++next) {
        const bool together = (*next)->made <= held.read && held.made <= (*next)->read;
        if (!together) continue;
        if (held.offset + held.size() <= (*next)->offset) break;
        held.offset = std::max(held.offset, (*next)->offset + (*next)->size());
      }
      const auto place = std::find_if(placed.begin(), placed.end(),
                                      [&](const Held* other) { return other->offset > held.offset; });
      placed.insert(place, &held);
      floats = std::max(floats, held.offset + held.size());
    }
  }
}

int64_t Plan::batch() const {
  const int64_t image = std::max<int64_t>(1, image_steps_.floats);
  return std::max({kFloats / image, std::min<int64_t>(8, kMostFloats / image), int64_t(1)});
}

float* Plan::at(Value value) {
  const Held& held = values_[value];
  // Rows lie behind the images.
  return base_ + (held.of_rows ? images_ * image_steps_.floats + rows_ * held.offset : images_ * held.offset);
}

Image Plan::image_at(Value value) {
  if (value == kNone) return {};
  const Held& held = values_[value];
  Image image{at(value), held.count, held.channels, {}};
  if (held.parts) {
    float* sums = image.values + (held.of_rows ? rows_ : images_) * held.pixels();
    image.sums = {reinterpret_cast<double*>(sums), held.parts};
  }
  return image;
}

void Plan::run(int64_t images, int64_t rows, const int32_t* row_of, const Fill& fill, const Read& read) {
  images_ = images;
  rows_ = rows;
  row_of_ = row_of;
  base_ = memory_.of(images * image_steps_.floats + rows * row_steps_.floats);
  const Stop& stop = Stop::current();
  for (Value value = 0; value < Value(values_.size()); ++value) {
    const Held& held = values_[value];
    if (held.made >= 0) continue;
    const int64_t count = held.of_rows ? rows : images;
    std::memset(at(value), 0, sizeof(float) * count * held.pixels());
    for (int64_t item = 0; item < count; ++item) fill(value, item, at(value) + item * held.pixels());
  }
  for (const Steps* steps : {&row_steps_, &image_steps_})
    for (const auto& step : steps->list) {
      stop.check();
      std::visit([&](const auto& one) { run(one); }, step);
    }
  const Held& last = values_[out_];
  for (int64_t image = 0; image < images; ++image)
    read(image, at(out_) + image * last.pixels(), last.channels);
}

Input Plan::input_of(const Layer& layer) {
  Input in;
  in.images[0] = image_at(layer.in[0]);
  in.images[1] = image_at(layer.in[1]);
  in.height = values_[layer.in[0]].height;
  in.width = values_[layer.in[0]].width;
  in.norm = layer.norm;
  in.activation = layer.activation;
  in.resample = layer.resample;
  return in;
}

void Plan::run(const Convolving& step) {
  const Layer& layer = step.layer;
  const Held& out = values_[step.out];
  const int64_t count = out.of_rows ? rows_ : images_;
  Convolution c;
  c.form = step.weights.form();
  c.in = input_of(layer);
  c.images = count;
  c.height = out.height;
  c.width = out.width;
  c.depth = step.weights.depth();
  c.precision = step.weights.precision();
  c.weights = step.weights.weights();
  c.bias = step.weights.bias();
  c.out = image_at(step.out);
  if (modulation_ != kNone && !out.of_rows) {
    const float* modulation = at(modulation_);
    c.in.rows = row_of_;
    c.in.row_pitch = values_[modulation_].channels;
    if (layer.image_bias >= 0) c.image_bias = modulation + layer.image_bias;
    if (layer.norm_scale >= 0) c.in.norm.scale = modulation + layer.norm_scale;
    if (layer.norm_shift >= 0) c.in.norm.shift = modulation + layer.norm_shift;
  }
  c.skip = image_at(layer.skip);
  c.skip_resample = layer.skip_resample;
  c.factor = layer.factor;

  plan::run(kernel_, c);
}

void Plan::run(const Resampled& step) {
  const Span span([] { return std::string("resampling"); });
  const Held& out = values_[step.out];
  Resampling r;
  r.in = input_of(step.layer);
  r.images = images_;
  r.height = out.height;
  r.width = out.width;
  r.rows = step.rows.data();
  r.columns = step.columns.data();
  r.out = image_at(step.out);
  r.skip = image_at(step.layer.skip);
  r.factor = step.layer.factor;
  const int64_t panels = out.channels / kPanel;
  share_out(images_ * panels, kernel_.resampling_scratch(r), images_ * out.pixels() * kTaps * kTaps > kWorth,
            [&](int64_t i, float* own) { kernel_.resample(r, i / panels, i % panels, own); });
}

void Plan::run(const Attending& step) {
  const Span span([] { return std::string("attention"); });
  const Held& out = values_[step.out];
  Attention a;
  a.in = image_at(step.in);
  a.out = image_at(step.out);
  a.images = images_;
  a.positions = out.height * out.width;
  a.heads = step.heads;
  a.width = step.width;
  a.scale = step.scale;
  const int64_t heads = images_ * a.heads;
  const bool worth = 2 * images_ * a.positions * a.positions * out.channels > kWorth;
  const int64_t threads = worth ? at::get_num_threads() : 1;
  const int64_t shares = std::min(a.positions, (threads + heads - 1) / heads);
  share_out(heads * shares, kernel_.attention_scratch(a), worth, [&](int64_t i, float* own) {
    const int64_t share = i % shares, head = i / shares;
    kernel_.attend(a, head / a.heads, head % a.heads, a.positions * share / shares,
                   a.positions * (share + 1) / shares, own);
  });
}

}  // namespace pfgm::plan
