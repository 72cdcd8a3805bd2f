// A convolution's gradients, for one instruction set. That of what comes in is a convolution itself, of the
// gradient of what comes out by the filter turned round; here are that of the filter, and what happens to the
// input before.
#pragma once

#include "plan/forms.h"
#include "plan/product.h"
#include "plan/source.h"

namespace pfgm::plan {
namespace {

inline int64_t panels_in(const FilterGradient& g) {
  return channels(g.in) / kPanel;
}

// Strips of tiles, transformed for the products.
template <class F>
class StripPanel {
 public:
  static constexpr int kIn = F::kIn, kOut = F::kOut, kAround = kIn - kOut;

  StripPanel(const FilterGradient& g, const Strips& strips) : g_(g), strips_(strips) {
    across_ = (g.width + kOut - 1) / kOut;
    down_ = (g.height + kOut - 1) / kOut;
    tiles_ = strips.count * across_;
  }

  static int64_t scratch(const FilterGradient& g) {
    return kIn * ((g.width + kOut - 1) / kOut * kOut + kAround) * kPanel;
  }

  // A panel of what comes in.
  void in(int64_t strip, int64_t panel, float* pixels) const {
    const int64_t image = (strips_.first + strip) / down_, top = (strips_.first + strip) % down_ * kOut;
    const Source source(g_.in, image, panel, g_.scales + image * 2 * channels(g_.in));
    const int64_t wide = across_ * kOut + kAround, before = kAround / 2;
    for (int64_t row = 0; row < kIn; ++row) {
      const int64_t y = top + row - before;
      float* const to = pixels + row * wide * kPanel;
      std::memset(to, 0, sizeof(float) * wide * kPanel);
      if (y >= 0 && y < g_.height) source.row(y, g_.width, to + before * kPanel, kPanel);
    }
    float* const to = strips_.in + (panel * tiles_ + strip * across_) * kPanel;
    const int64_t apart = numbers_apart(panels_in(g_) * tiles_ * kPanel);
    for (int64_t tile = 0; tile < across_; ++tile)
      for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
        Lanes d[kIn][kIn], t[kIn][kIn];
        for (int y = 0; y < kIn; ++y)
          for (int x = 0; x < kIn; ++x) d[y][x] = load(pixels + (y * wide + tile * kOut + x) * kPanel + lane);
        both_ways(F::input, d, t);
        for (int y = 0; y < kIn; ++y)
          for (int x = 0; x < kIn; ++x) store(to + (y * kIn + x) * apart + tile * kPanel + lane, t[y][x]);
      }
  }

  // A panel of the gradient of what comes out.
  void out(int64_t strip, int64_t panel) const {
    const int64_t image = (strips_.first + strip) / down_, top = (strips_.first + strip) % down_ * kOut;
    const float* const from = g_.out + image * g_.height * g_.width * g_.out_channels + panel * kPanel;
    float* const to = strips_.out + (panel * tiles_ + strip * across_) * kPanel;
    const int64_t apart = numbers_apart(g_.out_channels * tiles_);
    for (int64_t tile = 0; tile < across_; ++tile)
      for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
        Lanes d[kOut][kOut] = {}, t[kIn][kIn];
        const int64_t left = tile * kOut;
        for (int64_t y = 0; y < kOut && top + y < g_.height; ++y)
          for (int64_t x = 0; x < kOut && left + x < g_.width; ++x)
            d[y][x] = load(from + ((top + y) * g_.width + left + x) * g_.out_channels + lane);
        both_ways(F::gradient, d, t);
        for (int y = 0; y < kIn; ++y)
          for (int x = 0; x < kIn; ++x) store(to + (y * kIn + x) * apart + tile * kPanel + lane, t[y][x]);
      }
  }

  // The products of a number of the tiles and a panel of what comes in.
  void multiply(int64_t number, int64_t panel) const {
    const int64_t in = channels(g_.in), out = g_.out_channels, apart = tiles_ * kPanel;
    product<Float32>(
        kPanel, out / kPanel, tiles_,
        {strips_.in + number * numbers_apart(tiles_ * in) + panel * apart, 1, kPanel},
        {strips_.out + number * numbers_apart(tiles_ * out), kPanel, apart},
        {strips_.sums + number * numbers_apart(in * out) + panel * kPanel * out, out, strips_.first > 0});
  }

 private:
  const FilterGradient& g_;
  const Strips& strips_;
  int64_t across_, down_, tiles_;
};

// Panel `panel` of a strip: of what comes in first, then of what comes out.
inline void transform_strip(const FilterGradient& g, const Strips& strips, int64_t strip, int64_t panel,
                            float* scratch) {
  with_form(g.form, [&](auto form) {
    const StripPanel<decltype(form)> of(g, strips);
    if (panel < panels_in(g))
      of.in(strip, panel, scratch);
    else
      of.out(strip, panel - panels_in(g));
  });
}

inline void multiply_strips(const FilterGradient& g, const Strips& strips, int64_t number, int64_t panel) {
  with_form(g.form, [&](auto form) { StripPanel<decltype(form)>(g, strips).multiply(number, panel); });
}

inline int64_t strip_scratch(const FilterGradient& g) {
  int64_t floats = 0;
  with_form(g.form, [&](auto form) { floats = StripPanel<decltype(form)>::scratch(g); });
  return floats;
}

// The filter's gradient of the sums, for a panel of outputs: to where `to` says that its weights lie.
template <class F>
void unpack_panel(const FilterGradient& g, const float* sums, int64_t panel, const Filter& to, float* weights,
                  float factor) {
  constexpr int kIn = F::kIn, kSize = F::kSize;
  const int64_t apart = numbers_apart(channels(g.in) * g.out_channels);
  for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
    const int64_t first = panel * kPanel + lane;
    const int64_t count = std::clamp<int64_t>(to.outputs - first, 0, kLanes);
    for (int64_t input = 0; input < to.inputs; ++input) {
      Lanes numbers[kIn][kIn], taps[kSize][kSize];
      for (int y = 0; y < kIn; ++y)
        for (int x = 0; x < kIn; ++x)
          numbers[y][x] = load(sums + (y * kIn + x) * apart + input * g.out_channels + first);
      both_ways(F::filter_gradient, numbers, taps);
      float* const out = weights + first * to.output_pitch + input * to.input_pitch;
      for (int y = 0; y < kSize; ++y)
        for (int x = 0; x < kSize; ++x) {
          taps[y][x] *= factor;
          for (int64_t i = 0; i < count; ++i)
            out[i * to.output_pitch + y * to.row_pitch + x * to.column_pitch] = taps[y][x][i];
        }
    }
  }
}

inline void unpack(const FilterGradient& g, const float* sums, int64_t panel, const Filter& to,
                   float* weights, float factor) {
  with_form(g.form, [&](auto form) { unpack_panel<decltype(form)>(g, sums, panel, to, weights, factor); });
}

// Sums of the channels of an image [pixels, channels] and, if `squares`, of their squares: [1 or 2,
// channels].
inline void channel_sums(const float* values, int64_t pixels, int64_t channels, bool squares, double* sums) {
  constexpr int64_t kFew = 16;
  for (int64_t lane = 0; lane < channels; lane += kLanes) {
    Wide all{}, all_squares{};
    for (int64_t first = 0; first < pixels; first += kFew) {
      Lanes few{}, few_squares{};
      for (int64_t i = first; i < std::min(first + kFew, pixels); ++i) {
        const Lanes value = load(values + i * channels + lane);
        few += value;
        few_squares += value * value;
      }
      all += __builtin_convertvector(few, Wide);
      all_squares += __builtin_convertvector(few_squares, Wide);
    }
    std::memcpy(sums + lane, &all, sizeof all);
    if (squares) std::memcpy(sums + channels + lane, &all_squares, sizeof all_squares);
  }
}

inline int64_t input_scratch(const InputGradient& g) {
  return 4 * channels(g.in);
}

// What the gradient of the resampled image is before that, at a pixel.
inline Lanes before_resampling(const float* from, int64_t pitch, int64_t width, Resample how, int64_t y,
                               int64_t x) {
  if (how == Resample::kNone) return load(from + (y * width + x) * pitch);
  if (how == Resample::kDown) return load(from + (y / 2 * (width / 2) + x / 2) * pitch) * 0.25f;
  const int64_t wide = 2 * width;
  const float* const corner = from + (2 * y * wide + 2 * x) * pitch;
  return load(corner) + load(corner + pitch) +
         (load(corner + wide * pitch) + load(corner + (wide + 1) * pitch));
}

// An image's share. With h = x scale + shift, the gradient of x is, of a normalised group of n numbers,
// by (weight dh - (S_1 + x^ S_2) / n), where x^ = (x - mean) by, S_1 = sum weight dh, S_2 = sum weight dh x^.
inline void input_gradient(const InputGradient& g, int64_t image, float* scratch) {
  const Input& in = g.in;
  const int64_t all = in.images[0].channels, pixels = in.height * in.width;
  const int64_t outer = in.resample == Resample::kUp     ? pixels * 4
                        : in.resample == Resample::kDown ? pixels / 4
                                                         : pixels;
  const bool normalised = in.norm.groups > 0;
  float* const scales = scratch;
  if (normalised) normalisation(in, image, scales);
  const float* const values = in.images[0].values + image * pixels * all;
  const float* const gradient = g.gradient + image * outer * all;
  float* const out = g.out + image * pixels * all;
  Dropout dropout = in.dropout;
  if (dropout.kept) dropout.kept += image * pixels * all;
  double* const sums = normalised ? g.sums + image * 2 * all : nullptr;

  for (int64_t lane = 0; lane < all; lane += kLanes) {
    const Lanes scale = normalised ? load(scales + lane) : lanes(1);
    const Lanes shift = normalised ? load(scales + all + lane) : Lanes{};
    Wide sum{}, products{};
    for (int64_t y = 0; y < in.height; ++y) {
      Lanes few{}, few_products{};
      for (int64_t x = 0; x < in.width; ++x) {
        const int64_t at = (y * in.width + x) * all + lane;
        Lanes d = before_resampling(gradient + lane, all, in.width, in.resample, y, x) * g.factor;
        if (dropout.kept) d *= kept(dropout, at);
        if (in.activation != Activation::kNone) d *= slope(in.activation, load(values + at) * scale + shift);
        store(out + at, d);
        if (!normalised) continue;
        few += d;
        few_products += d * load(values + at);
      }
      sum += __builtin_convertvector(few, Wide);
      products += __builtin_convertvector(few_products, Wide);
    }
    if (!normalised) continue;
    std::memcpy(sums + lane, &sum, sizeof sum);
    std::memcpy(sums + all + lane, &products, sizeof products);
  }
  if (!normalised) return;

  // dx = dh of_gradient + x of_value + rest
  float *const of_value = scratch + 2 * all, *const rest = scratch + 3 * all;
  std::memset(of_value, 0, sizeof(float) * 2 * all);
  const int64_t each = channels_of_group(in);
  const double count = double(pixels * each);
  for (int64_t group = 0; group < in.norm.groups; ++group) {
    const auto [mean, by] = moments(in, image, group);
    double first = 0, second = 0;
    for (int64_t c = group * each; c < (group + 1) * each; ++c) {
      sums[all + c] = (sums[all + c] - mean * sums[c]) * by;
      first += double(scales[c]) / by * sums[c];
      second += double(scales[c]) / by * sums[all + c];
    }
    for (int64_t c = group * each; c < (group + 1) * each; ++c) {
      of_value[c] = float(-by * by * second / count);
      rest[c] = float(by / count * (mean * by * second - first));
    }
  }
  for (int64_t lane = 0; lane < all; lane += kLanes) {
    const Lanes scale = load(scales + lane), by = load(of_value + lane), more = load(rest + lane);
    for (int64_t i = 0; i < pixels; ++i) {
      const int64_t at = i * all + lane;
      store(out + at, load(out + at) * scale + load(values + at) * by + more);
    }
  }
}

}  // namespace
}  // namespace pfgm::plan
