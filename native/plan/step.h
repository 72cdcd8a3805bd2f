// The steps that a plan is made of, as a kernel takes them: plain numbers, with no dependency on torch.
//
// An image lies pixel by pixel, the channels of a pixel side by side and padded with zeros to whole panels.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pfgm::plan {

constexpr int64_t kPanel = 16;  // channels that lie together, in images and in packed weights

// Static, as are all functions here: the linker must not share them between instruction sets.
static inline int64_t padded(int64_t channels) {
  return (channels + kPanel - 1) / kPanel * kPanel;
}

enum class Resample { kNone, kUp, kDown };  // nearest; the mean of 2 x 2

// What numbers go through before a layer. kGelu: by the normal distribution itself.
enum class Activation { kNone, kSilu, kGelu };

// Sums of a channel's values and of their squares, over parts of an image: [images, parts, 2, channels].
struct Sums {
  double* values = nullptr;
  int64_t parts = 1;
};

struct Image {
  float* values = nullptr;
  int64_t count = 0;     // channels
  int64_t channels = 0;  // with their padding; 0: there is no image
  Sums sums;
};

// Group normalisation of what comes in, by the sums of its channels.
struct Normalisation {
  int64_t groups = 0;  // 0: nothing is normalised
  double epsilon = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
  // [rows, ..]: by what more each channel is scaled, less one, and then shifted; or null
  const float* scale = nullptr;
  const float* shift = nullptr;
};

// Numbers that are left out at random: which of the first image are kept, in its order, and by how much those
// grow.
struct Dropout {
  const uint8_t* kept = nullptr;  // 0 or 1; null: none is left out
  float factor = 1;
};

// What a step reads: the channels of one image, or of two, one after the other.
struct Input {
  Image images[2];
  int64_t height = 0, width = 0;
  Normalisation norm;
  Activation activation = Activation::kNone;
  Dropout dropout;
  Resample resample = Resample::kNone;
  const int32_t* rows = nullptr;  // [images]: each image's row of what is given by rows
  int64_t row_pitch = 0;
};

static inline int64_t channels(const Input& in) {
  return in.images[0].channels + in.images[1].channels;
}

// What the two sides of a convolution's products are rounded to; sums are of float32.
enum class Precision { kFloat32, kBfloat16 };

// A layer's weights where they lie: of an output, an input, a row and a column of the filter; and an output's
// bias, if any.
struct Filter {
  const float* weights;
  int64_t outputs, inputs;
  int64_t output_pitch, input_pitch;
  int64_t row_pitch = 0, column_pitch = 0;
  const float* bias = nullptr;
  int64_t bias_pitch = 1;
};

// A matrix unit's tile: so many rows of so many numbers of bfloat16.
constexpr int64_t kTileRows = 16, kTileDepth = 32;
// A panel's rows of packed weights, each of an input's or, of bfloat16, of two inputs'.
static inline int64_t packed_rows(Precision precision, int64_t depth) {
  return precision == Precision::kFloat32 ? depth : (depth + kTileDepth - 1) / kTileDepth * kTileDepth / 2;
}

// Filters of the same input side by side, transformed: [numbers of a tile, panels, packed_rows, kPanel] of
// float32, or [.., kPanel, 2] of bfloat16.
struct Packed {
  Precision precision = Precision::kFloat32;
  void* weights = nullptr;
  int64_t panels = 0, depth = 0;  // of outputs; of inputs, with the padding between two images'
  int64_t first_inputs = 0;       // of the first image
};

// How a convolution is multiplied out.
enum class Form { kOne, kTwo, kFour };  // 1 x 1; 3 x 3 by Winograd for 2 x 2 or 4 x 4 pixels at a time

// Pixels along a tile of what comes out; numbers of a transformed tile.
static inline int64_t tile_of(Form form) {
  return form == Form::kFour ? 4 : form == Form::kTwo ? 2 : 1;
}
static inline int64_t numbers_of(Form form) {
  return form == Form::kFour ? 36 : form == Form::kTwo ? 16 : 1;
}

// out = (weights * input + bias + the image's own bias + skip) * factor
struct Convolution {
  Form form = Form::kOne;
  Input in;
  int64_t images = 0;
  int64_t together = 1;           // images of a block; one where an image has several blocks
  int64_t height = 0, width = 0;  // of what comes out
  int64_t depth = 0;              // so many of the channels that come in count
  Precision precision = Precision::kFloat32;
  const void* weights = nullptr;  // packed
  const float* bias = nullptr;
  Image out;
  const float* image_bias = nullptr;  // [rows, ..], rows as the input has them
  Image skip;
  Resample skip_resample = Resample::kNone;
  float factor = 1;
};

// What a convolution's weights change by in a loss, given what the loss changes by with what comes
// out. Tiles are taken together by rows of them, strips.
struct FilterGradient {
  Form form = Form::kOne;
  Input in;
  int64_t images = 0;
  int64_t height = 0, width = 0;  // of what comes out
  const float* scales = nullptr;  // [images, 2, channels that come in]: of normalisation(), if there is any
  const float* out = nullptr;     // the gradient of what comes out, [images, pixels, out_channels]
  int64_t out_channels = 0;       // with their padding
};

// From number to number of the tiles, so many floats each: by a panel more than that, as else many would
// share a set of the cache.
static inline int64_t numbers_apart(int64_t floats) {
  return floats + kPanel;
}

// The strips that are transformed and multiplied at a time; numbers_apart.
struct Strips {
  int64_t first = 0, count = 0;
  float* in = nullptr;    // [numbers of a tile, panels, tiles, kPanel]
  float* out = nullptr;   // likewise
  float* sums = nullptr;  // [numbers of a tile, channels that come in, out_channels], which the products of
                          // the first strips begin
};

// What a convolution's input changes by in a loss, given what the loss changes by with what it becomes:
// normalised, activated, some left out, resampled. Of one image.
struct InputGradient {
  Input in;
  int64_t images = 0;
  const float* gradient = nullptr;  // [images, pixels of what is resampled, channels]
  float factor = 1;                 // of the gradient
  float* out = nullptr;             // [images, pixels, channels]
  // Where it is normalised: a channel's sums of the gradient after normalisation, and of that times the
  // normalised value, [images, 2, channels].
  double* sums = nullptr;
};

// What a pixel along an axis is made of: pixels first to first + count - 1 of what comes in, each by its
// weight.
constexpr int64_t kTaps = 4;
struct Tap {
  int64_t first, count;
  float weights[kTaps];
};

// out = (what the taps make of the input + skip) * factor
struct Resampling {
  Input in;  // as it is, or of one image normalised and activated
  int64_t images = 0;
  int64_t height = 0, width = 0;  // of what comes out
  const Tap* rows = nullptr;      // [height]
  const Tap* columns = nullptr;   // [width]
  Image out;
  Image skip;
  float factor = 1;
};

// Attention over an image's positions, of heads whose query, key and value lie side by side.
struct Attention {
  Image in;  // query, key, value: of each `out.channels`
  Image out;
  int64_t images = 0, positions = 0;
  int64_t heads = 1, width = 0;  // channels of a head, with their padding
  float scale = 1;               // of the products of queries and keys
};

// How a convolution is cut into blocks of tiles that one thread does at a time: a function of the layer
// alone.
struct Grid {
  int64_t across, down;  // tiles of an image
  int64_t images, rows;  // a block is at most so many whole images, or so many rows of tiles of one
  int64_t parts;         // blocks of an image
};

constexpr int64_t kBlock = 115200;
static inline Grid grid(Form form, Precision precision, int64_t height, int64_t width, int64_t depth) {
  const int64_t size = tile_of(form), numbers = numbers_of(form);
  // What is transformed stays in the second level of the cache, about. A matrix unit takes 32 rows at once.
  const bool half = precision == Precision::kBfloat16;
  const int64_t block = half ? 3 * kBlock : kBlock, least = half ? 32 : 12;
  const int64_t tiles = std::min<int64_t>(std::max(block / (numbers * padded(depth)), least), 96);
  Grid g;
  g.across = (width + size - 1) / size;
  g.down = (height + size - 1) / size;
  g.images = std::max<int64_t>(1, tiles / (g.across * g.down));
  g.rows = g.across * g.down <= tiles ? g.down : std::max<int64_t>(1, tiles / g.across);
  g.parts = (g.down + g.rows - 1) / g.rows;
  return g;
}

}  // namespace pfgm::plan
