// What goes into a step: normalised, activated, resampled.
#pragma once

#include <cmath>

#include "plan/activation.h"

namespace pfgm::plan {
namespace {

constexpr int kEach = kPanel / kLanes;  // vectors of a panel

inline int64_t channels_of_group(const Input& in) {
  return (in.images[0].count + in.images[1].count) / in.norm.groups;
}

// What a group is normalised by: (x - mean) by.
struct Moments {
  double mean, by;
};

// Sums are in float64, where a square of a mean can be taken from a mean of squares.
inline Moments moments(const Input& in, int64_t image, int64_t group) {
  const Image &first = in.images[0], &second = in.images[1];
  const int64_t each = channels_of_group(in);
  double sum = 0, squares = 0;
  for (int64_t c = group * each; c < (group + 1) * each; ++c) {
    const Image& from = c < first.count ? first : second;
    const int64_t parts = from.sums.parts, channels = from.channels;
    const double* sums =
        from.sums.values + image * parts * 2 * channels + (c < first.count ? c : c - first.count);
    for (int64_t part = 0; part < parts; ++part) {
      sum += sums[part * 2 * channels];
      squares += sums[(part * 2 + 1) * channels];
    }
  }
  const double count = double(in.height * in.width * each);
  const double mean = sum / count, variance = std::max(squares / count - mean * mean, 0.0);
  return {mean, 1 / std::sqrt(variance + in.norm.epsilon)};
}

// By what each channel of an image is scaled and then shifted: [2, channels of both images].
inline void normalisation(const Input& in, int64_t image, float* scales) {
  const Normalisation& norm = in.norm;
  const Image& first = in.images[0];
  const int64_t all = channels(in), each = channels_of_group(in);
  const int64_t row = in.rows ? in.rows[image] * in.row_pitch : 0;
  std::memset(scales, 0, sizeof(float) * 2 * all);
  for (int64_t group = 0; group < norm.groups; ++group) {
    const auto [mean, by] = moments(in, image, group);
    for (int64_t c = group * each; c < (group + 1) * each; ++c) {
      double scale = double(norm.weight[c]) * by, shift = double(norm.bias[c]) - mean * scale;
      if (norm.scale) {
        const double more = 1 + double(norm.scale[row + c]);
        scale *= more;
        shift = shift * more + double(norm.shift[row + c]);
      }
      const int64_t place = c < first.count ? c : first.channels + c - first.count;
      scales[place] = float(scale);
      scales[all + place] = float(shift);
    }
  }
}

// What the numbers from `at` on are multiplied by.
inline Lanes kept(const Dropout& dropout, int64_t at) {
  typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
  Bytes bytes;
  std::memcpy(&bytes, dropout.kept + at, sizeof bytes);
  return __builtin_convertvector(__builtin_convertvector(bytes, IntegerLanes), Lanes) * dropout.factor;
}

// One panel of an image's channels.
class Source {
 public:
  // scales: of the image, as normalisation() gives them.
  Source(const Input& in, int64_t image, int64_t panel, const float* scales)
      : width_(in.width),
        scaled_(in.norm.groups > 0),
        activation_(in.activation),
        dropout_(in.dropout),
        resample_(in.resample) {
    const int64_t channel = panel * kPanel;
    const bool second = channel >= in.images[0].channels;
    const Image& from = in.images[second];
    pitch_ = from.channels;
    values_ =
        from.values + image * in.height * in.width * pitch_ + channel - (second ? in.images[0].channels : 0);
    if (dropout_.kept) dropout_.kept += values_ - from.values;
    if (!scaled_) return;
    for (int v = 0; v < kEach; ++v) {
      scale_[v] = load(scales + channel + v * kLanes);
      shift_[v] = load(scales + channels(in) + channel + v * kLanes);
    }
  }

  // Pixels 0 to count - 1 of a row of the resampled image, `apart` floats from each other.
  void row(int64_t y, int64_t count, float* to, int64_t apart) const {
    if (resample_ == Resample::kNone) {
      const float* from = values_ + y * width_ * pitch_;
      for (int64_t x = 0; x < count; ++x) put(at(from + x * pitch_), to + x * apart);
    } else if (resample_ == Resample::kUp) {
      const float* from = values_ + y / 2 * width_ * pitch_;
      for (int64_t x = 0; x < count; ++x) {
        if (x % 2)
          std::memcpy(to + x * apart, to + (x - 1) * apart, sizeof(float) * kPanel);
        else
          put(at(from + x / 2 * pitch_), to + x * apart);
      }
    } else {
      const float* from = values_ + 2 * y * width_ * pitch_;
      for (int64_t x = 0; x < count; ++x) {
        const float* corner = from + 2 * x * pitch_;
        Pixel sum = at(corner);
        for (const float* other :
             {corner + pitch_, corner + width_ * pitch_, corner + (width_ + 1) * pitch_}) {
          const Pixel more = at(other);
          for (int v = 0; v < kEach; ++v) sum.lanes[v] += more.lanes[v];
        }
        for (int v = 0; v < kEach; ++v) sum.lanes[v] *= 0.25f;
        put(sum, to + x * apart);
      }
    }
  }

 private:
  struct Pixel {
    Lanes lanes[kEach];
  };

  Pixel at(const float* from) const {
    Pixel pixel;
    for (int v = 0; v < kEach; ++v) {
      pixel.lanes[v] = load(from + v * kLanes);
      if (scaled_) pixel.lanes[v] = pixel.lanes[v] * scale_[v] + shift_[v];
      pixel.lanes[v] = activated(activation_, pixel.lanes[v]);
      if (dropout_.kept) pixel.lanes[v] *= kept(dropout_, from - values_ + v * kLanes);
    }
    return pixel;
  }
  static void put(const Pixel& pixel, float* to) {
    for (int v = 0; v < kEach; ++v) store(to + v * kLanes, pixel.lanes[v]);
  }

  const float* values_;
  int64_t pitch_, width_;
  Lanes scale_[kEach], shift_[kEach];
  bool scaled_;
  Activation activation_;
  Dropout dropout_;
  Resample resample_;
};

// A lane's worth of channels of what a step adds, at a pixel of the resampled image.
inline Lanes resampled(const float* values, int64_t pitch, int64_t width, Resample how, int64_t y,
                       int64_t x) {
  if (how == Resample::kNone) return load(values + (y * width + x) * pitch);
  if (how == Resample::kUp) return load(values + (y / 2 * (width / 2) + x / 2) * pitch);
  const int64_t wide = 2 * width;
  const float* corner = values + (2 * y * wide + 2 * x) * pitch;
  return (load(corner) + load(corner + pitch) +
          (load(corner + wide * pitch) + load(corner + (wide + 1) * pitch))) *
         0.25f;
}

}  // namespace
}  // namespace pfgm::plan
