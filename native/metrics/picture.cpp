#include "metrics/picture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace pfgm {

at::Tensor as_bytes(const at::Tensor& images) {
  if (images.scalar_type() == at::kByte) return images.to(at::kCPU).contiguous();
  return ((images.to(at::kCPU, at::kFloat) + 1) * 127.5).round().clamp(0, 255).nan_to_num(0).to(at::kByte);
}

at::Tensor image_grid(const at::Tensor& images, int64_t columns, int64_t zoom, int64_t gap) {
  if (images.dim() != 4 || images.size(0) < 1 || (images.size(1) != 1 && images.size(1) != 3))
    throw Error("ERR_PFGM_ARGUMENT", "Expected images of shape [n, 1 or 3, height, width]");
  if (columns < 1 || zoom < 1 || zoom > 256 || gap < 0 || gap > 1024)
    throw Error("ERR_PFGM_ARGUMENT", "Expected columns >= 1, zoom from 1 to 256, gap from 0 to 1024");
  const int64_t count = images.size(0), height = images.size(2) * zoom, width = images.size(3) * zoom;
  const int64_t across = std::min(columns, count), down = (count + across - 1) / across;
  const at::Tensor pixels =
      as_bytes(images).permute({0, 2, 3, 1}).repeat_interleave(zoom, 1).repeat_interleave(zoom, 2);
  at::Tensor grid = at::full({down * (height + gap) + gap, across * (width + gap) + gap, images.size(1)}, 255,
                             at::TensorOptions(at::kByte));
  for (int64_t i = 0; i < count; ++i)
    grid.narrow(0, gap + i / across * (height + gap), height)
        .narrow(1, gap + i % across * (width + gap), width)
        .copy_(pixels[i]);
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
