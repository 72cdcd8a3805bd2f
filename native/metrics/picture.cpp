#include "metrics/picture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace pfgm {

// Both on one thread: the cores are the networks'.

at::Tensor as_bytes(const at::Tensor& images) {
  if (images.scalar_type() == at::kByte) return images.to(at::kCPU).contiguous();
  const at::Tensor values = images.to(at::kCPU, at::kFloat).contiguous();
  at::Tensor bytes = at::empty(values.sizes(), at::kByte);
  const float* from = values.const_data_ptr<float>();
  uint8_t* to = bytes.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const float byte = std::nearbyint((from[i] + 1) * 127.5f);
    to[i] = byte >= 0 ? uint8_t(std::min(byte, 255.0f)) : 0;  // what is no number is black
  }
  return bytes;
}

at::Tensor image_grid(const at::Tensor& images, int64_t columns, int64_t zoom, int64_t gap) {
  if (images.dim() != 4 || images.size(0) < 1 || (images.size(1) != 1 && images.size(1) != 3))
    throw Error("ERR_PFGM_ARGUMENT", "Expected images of shape [n, 1 or 3, height, width]");
  if (columns < 1 || zoom < 1 || zoom > 256 || gap < 0 || gap > 1024)
    throw Error("ERR_PFGM_ARGUMENT", "Expected columns >= 1, zoom from 1 to 256, gap from 0 to 1024");
  const int64_t count = images.size(0), channels = images.size(1), height = images.size(2),
                width = images.size(3);
  const int64_t across = std::min(columns, count), down = (count + across - 1) / across;
  const int64_t row = (across * (width * zoom + gap) + gap) * channels;
  at::Tensor grid = at::empty({down * (height * zoom + gap) + gap, row / channels, channels}, at::kByte);
  const at::Tensor bytes = as_bytes(images);
  const uint8_t* from = bytes.const_data_ptr<uint8_t>();
  uint8_t* to = grid.mutable_data_ptr<uint8_t>();
  std::fill_n(to, grid.numel(), 255);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = gap + i / across * (height * zoom + gap),
                  left = gap + i % across * (width * zoom + gap);
    for (int64_t y = 0; y < height; ++y) {
      uint8_t* line = to + (top + y * zoom) * row;
      for (int64_t x = 0; x < width * zoom; ++x)
        for (int64_t c = 0; c < channels; ++c)
          line[(left + x) * channels + c] = from[((i * channels + c) * height + y) * width + x / zoom];
      const uint8_t* begin = line + left * channels;
      for (int64_t copy = 1; copy < zoom; ++copy)
        std::copy_n(begin, width * zoom * channels, line + copy * row + left * channels);
    }
  }
  return grid;
}

at::Tensor point_density(const at::Tensor& points, int64_t size, double extent) {
  if (points.dim() != 2 || points.size(1) != 2)
    throw Error("ERR_PFGM_ARGUMENT", "Expected points of shape [n, 2]");
  if (size < 16 || size > 8192 || !(extent > 0))
    throw Error("ERR_PFGM_ARGUMENT", "Expected size from 16 to 8192");
  const at::Tensor rows = points.to(at::kCPU, at::kFloat).contiguous();
  const float* data = rows.const_data_ptr<float>();
  at::Tensor counts = at::zeros({size, size}, at::kFloat);
  float* cells = counts.mutable_data_ptr<float>();
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const double u = (data[2 * i] / extent + 1) / 2 * double(size),
                 v = (1 - data[2 * i + 1] / extent) / 2 * double(size);
    if (!(u >= 0 && u < double(size) && v >= 0 && v < double(size))) continue;
    cells[int64_t(v) * size + int64_t(u)] += 1;
  }
  // A few points a pixel are already dark: density saturates smoothly.
  return ((counts * -0.7).exp() * 255).round().to(at::kByte).unsqueeze(2);
}

at::Tensor grid_points(int64_t side, double extent) {
  at::Tensor points = at::empty({side * side, 2}, at::kDouble);
  double* out = points.mutable_data_ptr<double>();
  const auto middle = [=](int64_t i) { return (double(2 * i + 1) / double(side) - 1) * extent; };
  for (int64_t row = 0; row < side; ++row)
    for (int64_t column = 0; column < side; ++column) {
      *out++ = middle(column);
      *out++ = -middle(row);
    }
  return points;
}

at::Tensor density_shades(const at::Tensor& density) {
  // A sample meets p with density p.
  const double total = density.sum().item<double>();
  const double typical = total > 0 ? (density * density).sum().item<double>() / total : 1;
  return (2 * (density * (-1.5 / typical)).exp() - 1).to(at::kFloat).unsqueeze(0).unsqueeze(0);
}

}  // namespace pfgm
