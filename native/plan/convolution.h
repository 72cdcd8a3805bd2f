// A convolution with all that surrounds it, for one instruction set.
#pragma once

#include "plan/forms.h"
#include "plan/product.h"
#include "plan/source.h"

namespace pfgm::plan {
namespace {

// A block of a convolution's tiles: transformed, multiplied, transformed back.
template <class F, class N>
class Block {
  using Value = typename N::Value;
  using Weight = typename N::Weight;

 public:
  static constexpr int kIn = F::kIn, kOut = F::kOut, kAll = kIn * kIn, kAround = kIn - kOut;
  static constexpr int64_t kGroup = 4;  // panels that are multiplied before they go out

  Block(const Convolution& c, int64_t block, float* scratch)
      : c_(c), grid_(grid(F::kForm, N::kPrecision, c.height, c.width, c.depth)), depth_(depth_of(c)) {
    first_image_ = block / grid_.parts * c.together;
    images_ = std::min(c.together, c.images - first_image_);
    part_ = block % grid_.parts;
    top_ = part_ * grid_.rows;
    rows_ = std::min(grid_.rows, grid_.down - top_);
    tiles_ = images_ * rows_ * grid_.across;
    wide_ = grid_.across * kOut + kAround;
    pixels_ = scratch;
    scales_ = pixels_ + (grid_.rows * kOut + kAround) * wide_ * kPanel;
    transformed_ = reinterpret_cast<Value*>(scales_ + 2 * channels(c.in));
    apart_ = tiles_ * depth_ + kGap;
    products_ = reinterpret_cast<float*>(transformed_ + kAll * apart_ + kSpare * depth_);
  }

  // Floats that a block may need.
  static int64_t scratch(const Convolution& c) {
    const Grid g = grid(F::kForm, N::kPrecision, c.height, c.width, c.depth);
    const int64_t tiles = c.together * g.rows * g.across;
    return (g.rows * kOut + kAround) * (g.across * kOut + kAround) * kPanel + 2 * channels(c.in) +
           kAll * (tiles * (depth_of(c) + kGroup * kPanel) + 2 * kPanel) +
           kSpare * (depth_of(c) + kGroup * kPanel);
  }

  void run(int64_t first_panel, int64_t last_panel) {
    for (int64_t i = 0; i < images_; ++i) {
      const int64_t image = first_image_ + i;
      if (c_.in.norm.groups) normalisation(c_.in, image, scales_);
      for (int64_t panel = 0; panel < padded(c_.depth) / kPanel; ++panel) transform(i, panel);
    }
    fill_up();
    const int64_t all = c_.out.channels / kPanel, depth = (c_.depth + N::kTogether - 1) / N::kTogether;
    const int64_t rows = packed_rows(N::kPrecision, c_.depth);
    const Weight* const weights = static_cast<const Weight*>(c_.weights);
    for (int64_t first = first_panel; first < last_panel; first += kGroup) {
      const int64_t panels = std::min(kGroup, last_panel - first), channels = panels * kPanel;
      for (int place = 0; place < kAll; ++place)
        product<N>(tiles_, panels, depth, {transformed_ + place * apart_, depth_},
                   {weights + (place * all + first) * rows * kPanel, kPanel, rows * kPanel},
                   {products_ + place * (tiles_ * channels + kPanel), channels});
      for (int64_t i = 0; i < images_; ++i)
        put(i, products_ + i * rows_ * grid_.across * channels, channels, first * kPanel);
    }
  }

 private:
  // As many more values as fill a line of the cache; rows behind the last one that products may read and
  // write.
  static constexpr int64_t kGap = kPanel * sizeof(float) / sizeof(Value), kSpare = N::kRowsRead - 1;

  // Of a transformed tile.
  static int64_t depth_of(const Convolution& c) {
    return (padded(c.depth) + N::kDepth - 1) / N::kDepth * N::kDepth;
  }

  // With zeros, where a panel too few is transformed.
  void fill_up() {
    const int64_t from = padded(c_.depth);
    if (from == depth_) return;
    for (int place = 0; place < kAll; ++place)
      for (int64_t tile = 0; tile < tiles_; ++tile)
        std::memset(transformed_ + place * apart_ + tile * depth_ + from, 0, sizeof(Value) * (depth_ - from));
  }

  // A panel of an image of the block: [kAll, tiles, depth].
  void transform(int64_t i, int64_t panel) {
    const Source source(c_.in, first_image_ + i, panel, scales_);
    Value* to = transformed_ + i * rows_ * grid_.across * depth_ + panel * kPanel;
    if constexpr (kOut == 1) {
      for (int64_t y = 0; y < rows_; ++y) pixels_of(source, top_ + y, to + y * c_.width * depth_);
    } else {
      fill(source);
      for (int64_t y = 0; y < rows_; ++y)
        for (int64_t x = 0; x < grid_.across; ++x)
          for (int64_t lane = 0; lane < kPanel; lane += kLanes)
            tile(pixels_ + (y * wide_ + x) * kOut * kPanel + lane,
                 to + (y * grid_.across + x) * depth_ + lane);
    }
  }

  // A row of pixels, each its own transform.
  void pixels_of(const Source& source, int64_t y, Value* to) {
    if constexpr (std::is_same_v<N, Float32>) {
      source.row(y, c_.width, to, depth_);
    } else {
      source.row(y, c_.width, pixels_, kPanel);
      for (int64_t x = 0; x < c_.width; ++x)
        for (int64_t lane = 0; lane < kPanel; lane += kLanes)
          N::put(to + x * depth_ + lane, load(pixels_ + x * kPanel + lane));
    }
  }

  // The pixels that the block's tiles look at, zeros where there is no image.
  void fill(const Source& source) {
    for (int64_t row = 0; row < rows_ * kOut + kAround; ++row) {
      const int64_t y = top_ * kOut + row - 1;
      float* to = pixels_ + row * wide_ * kPanel;
      const bool inside = y >= 0 && y < c_.height;
      if (inside) source.row(y, c_.width, to + kPanel, kPanel);
      std::memset(to, 0, sizeof(float) * kPanel * (inside ? 1 : wide_));
      if (inside)
        std::memset(to + (c_.width + 1) * kPanel, 0, sizeof(float) * (wide_ - c_.width - 1) * kPanel);
    }
  }

  void tile(const float* from, Value* to) const {
    Lanes half[kIn][kIn], column[kIn], t[kIn];
    for (int x = 0; x < kIn; ++x) {
      for (int y = 0; y < kIn; ++y) column[y] = load(from + (y * wide_ + x) * kPanel);
      F::input(column, t);
      for (int y = 0; y < kIn; ++y) half[y][x] = t[y];
    }
    for (int y = 0; y < kIn; ++y) {
      F::input(half[y], t);
      for (int x = 0; x < kIn; ++x) N::put(to + (y * kIn + x) * apart_, t[x]);
    }
  }

  // The sums of a tile of the convolution.
  void back(const float* products, int64_t pitch, Lanes (&y)[kOut][kOut]) const {
    if constexpr (kOut == 1) {
      y[0][0] = load(products);
    } else {
      Lanes half[kOut][kIn], column[kIn], t[kOut];
      for (int x = 0; x < kIn; ++x) {
        for (int row = 0; row < kIn; ++row)
          column[row] = load(products + (row * kIn + x) * (tiles_ * pitch + kPanel));
        F::output(column, t);
        for (int row = 0; row < kOut; ++row) half[row][x] = t[row];
      }
      for (int row = 0; row < kOut; ++row) F::output(half[row], y[row]);
    }
  }

  // So many channels from `first` on of an image of the block, from its first product on.
  void put(int64_t i, const float* products, int64_t count, int64_t first) const {
    constexpr int kMost = kGroup * kEach;
    const int64_t image = first_image_ + i, channels = c_.out.channels, pixels = c_.height * c_.width;
    const int64_t skip_pixels = c_.skip_resample == Resample::kUp     ? pixels / 4
                                : c_.skip_resample == Resample::kDown ? pixels * 4
                                                                      : pixels;
    float* const out = c_.out.values + image * pixels * channels + first;
    const float* const skip =
        c_.skip.channels ? c_.skip.values + image * skip_pixels * c_.skip.channels + first : nullptr;
    Lanes bias[kMost];
    for (int64_t v = 0; v * kLanes < count; ++v) {
      bias[v] = load(c_.bias + first + v * kLanes);
      if (c_.image_bias)
        bias[v] += load(c_.image_bias + c_.in.rows[image] * c_.in.row_pitch + first + v * kLanes);
    }
    Totals totals(c_.out.sums.values != nullptr);
    for (int64_t ty = 0; ty < rows_; ++ty)
      for (int64_t tx = 0; tx < grid_.across; ++tx) {
        const int64_t top = (top_ + ty) * kOut, left = tx * kOut;
        const int64_t bottom = std::min<int64_t>(kOut, c_.height - top);
        const int64_t right = std::min<int64_t>(kOut, c_.width - left);
        for (int64_t v = 0; v * kLanes < count; ++v) {
          Lanes tile[kOut][kOut];
          back(products + (ty * grid_.across + tx) * count + v * kLanes, count, tile);
          Lanes total{}, square{};
          for (int64_t y = 0; y < bottom; ++y)
            for (int64_t x = 0; x < right; ++x) {
              Lanes value = tile[y][x] + bias[v];
              if (skip)
                value += resampled(skip + v * kLanes, c_.skip.channels, c_.width, c_.skip_resample, top + y,
                                   left + x);
              value *= c_.factor;
              store(out + ((top + y) * c_.width + left + x) * channels + v * kLanes, value);
              total += value;
              square += value * value;
            }
          totals.add(v, total, square);
        }
        totals.next();
      }
    if (c_.out.sums.values)
      totals.put(count, c_.out.sums.values + (image * grid_.parts + part_) * 2 * channels + first, channels);
  }

  // Sums of channels and of their squares: of a few tiles in float32, of those in float64.
  class Totals {
   public:
    explicit Totals(bool wanted) : wanted_(wanted) {
      if (wanted)
        for (int v = 0; v < kMost; ++v) few_[0][v] = few_[1][v] = Lanes{}, all_[0][v] = all_[1][v] = Wide{};
    }
    void add(int64_t v, Lanes total, Lanes square) {
      if (!wanted_) return;
      few_[0][v] += total;
      few_[1][v] += square;
    }
    void next() {
      if (wanted_ && ++tiles_ % kFew == 0) flush();
    }
    void put(int64_t count, double* sums, int64_t apart) {
      flush();
      for (int which = 0; which < 2; ++which)
        std::memcpy(sums + which * apart, all_[which], sizeof(double) * count);
    }

   private:
    static constexpr int kMost = kGroup * kEach, kFew = 16 / (kOut * kOut);
    void flush() {
      for (int which = 0; which < 2; ++which)
        for (int v = 0; v < kMost; ++v) {
          all_[which][v] += __builtin_convertvector(few_[which][v], Wide);
          few_[which][v] = Lanes{};
        }
    }
    const bool wanted_;
    int tiles_ = 0;
    Lanes few_[2][kMost];
    Wide all_[2][kMost];
  };

  const Convolution& c_;
  const Grid grid_;
  const int64_t depth_;
  int64_t first_image_, images_, part_, top_, rows_, tiles_, wide_;
  int64_t apart_;  // numbers of a tile's; by a line of the cache more than there are, as else many would
                   // share a set of it
  float *pixels_, *scales_, *products_;
  Value* transformed_;
};

// Panels first to last - 1 of what comes out of a block.
inline void convolve(const Convolution& c, int64_t block, int64_t first, int64_t last, float* scratch) {
  with_form(c.form, [&](auto form) {
    with_numbers(c.precision, [&](auto numbers) {
      Block<decltype(form), decltype(numbers)>(c, block, scratch).run(first, last);
    });
  });
}

inline int64_t convolution_scratch(const Convolution& c) {
  int64_t floats = 0;
  with_form(c.form, [&](auto form) {
    with_numbers(c.precision,
                 [&](auto numbers) { floats = Block<decltype(form), decltype(numbers)>::scratch(c); });
  });
  return floats;
}

}  // namespace
}  // namespace pfgm::plan
