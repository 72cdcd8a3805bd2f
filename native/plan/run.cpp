#include "plan/run.h"

#include <algorithm>
#include <string>

#include "runtime/profile.h"

namespace pfgm::plan {

namespace {

std::string size_of(int64_t height, int64_t width, int64_t images) {
  return std::to_string(height) + " x " + std::to_string(width) + ", " + std::to_string(images) + " images";
}

// As "3 x 3, 64 to 128 channels, 8 x 8, 16 images".
std::string shape_of(Form form, int64_t from, int64_t to, int64_t height, int64_t width, int64_t images) {
  return std::string(form == Form::kOne ? "1 x 1, " : "3 x 3, ") + std::to_string(from) + " to " +
         std::to_string(to) + " channels, " + size_of(height, width, images);
}

}  // namespace

void run(const Kernel& kernel, Convolution c) {
  const Span span(
      [&] { return "convolution " + shape_of(c.form, c.depth, c.out.count, c.height, c.width, c.images); });
  const Grid g = grid(c.form, c.precision, c.height, c.width, c.depth);
  const int64_t panels = c.out.channels / kPanel;
  const bool worth =
      c.images * c.height * c.width * c.out.channels * c.depth * (c.form == Form::kOne ? 1 : 9) > kWorth;
  const int64_t threads = worth ? at::get_num_threads() : 1;
  // As many blocks for each thread, of about as many images.
  const int64_t rounds = (c.images + g.images * threads - 1) / (g.images * threads);
  c.together = (c.images + rounds * threads - 1) / (rounds * threads);
  const int64_t parts = (c.images + c.together - 1) / c.together * g.parts;
  // Where there are too few, threads share one's channels, and each transforms what comes in.
  const int64_t shares = std::min(panels, (threads + parts - 1) / parts);
  share_out(parts * shares, kernel.convolution_scratch(c), worth, [&](int64_t i, float* own) {
    const int64_t share = i % shares;
    kernel.convolve(c, i / shares, panels * share / shares, panels * (share + 1) / shares, own);
  });
}

void run_sums(const Kernel& kernel, const Image& image, int64_t images, int64_t pixels, bool squares,
              double* sums) {
  share_out(images, 0, images * pixels * image.channels > kWorthNumbers, [&](int64_t i, float*) {
    kernel.channel_sums(image.values + i * pixels * image.channels, pixels, image.channels, squares,
                        sums + i * (squares ? 2 : 1) * image.channels);
  });
}

// Tiles whose panels stay in the first level of the cache while they are multiplied, about.
constexpr int64_t kTiles = 192;

void run(const Kernel& kernel, FilterGradient g, const Filter& to, float* weights, float factor) {
  const Span span([&] {
    return "filter's gradient " + shape_of(g.form, to.inputs, to.outputs, g.height, g.width, g.images);
  });
  const int64_t size = tile_of(g.form), numbers = numbers_of(g.form), in = channels(g.in);
  const int64_t across = (g.width + size - 1) / size, strips = (g.height + size - 1) / size * g.images;
  const int64_t together = std::min(std::max<int64_t>(kTiles / across, 1), strips);
  const int64_t tiles = together * across, panels_in = in / kPanel, panels_out = g.out_channels / kPanel;
  const bool worth = strips * across * size * size * in * g.out_channels > kWorth / 9;

  thread_local Scratch memory;
  const int64_t scales = g.in.norm.groups ? g.images * 2 * in : 0;
  const int64_t of_in = numbers * numbers_apart(tiles * in),
                of_out = numbers * numbers_apart(tiles * g.out_channels);
  float* next = memory.of(scales + of_in + of_out + numbers * numbers_apart(in * g.out_channels));
  g.scales = next;
  if (g.in.norm.groups)
    for (int64_t i = 0; i < g.images; ++i) kernel.normalisation(g.in, i, next + i * 2 * in);
  Strips s;
  s.in = next += scales;
  s.out = next += of_in;
  s.sums = next += of_out;

  for (s.first = 0; s.first < strips; s.first += together) {
    s.count = std::min(together, strips - s.first);
    const int64_t panels = panels_in + panels_out;
    share_out(s.count * panels, kernel.strip_scratch(g), worth,
              [&](int64_t i, float* own) { kernel.transform_strip(g, s, i / panels, i % panels, own); });
    share_out(numbers * panels_in, 0, worth,
              [&](int64_t i, float*) { kernel.multiply_strips(g, s, i / panels_in, i % panels_in); });
  }
  share_out(panels_out, 0, worth,
            [&](int64_t panel, float*) { kernel.unpack(g, s.sums, panel, to, weights, factor); });
}

void run(const Kernel& kernel, const InputGradient& g) {
  const Span span([&] { return "input's gradient " + size_of(g.in.height, g.in.width, g.images); });
  const int64_t numbers = g.images * g.in.height * g.in.width * g.in.images[0].channels;
  share_out(g.images, kernel.input_scratch(g), numbers > kWorthNumbers,
            [&](int64_t image, float* own) { kernel.input_gradient(g, image, own); });
}

}  // namespace pfgm::plan
