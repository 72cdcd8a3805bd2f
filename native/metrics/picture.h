// Samples as pixels: a grid of images, or points as a density.
#pragma once

#include <ATen/core/Tensor.h>

namespace pfgm {

// Rounded as a PNG has them: values from -1 to 1, or bytes already.
at::Tensor as_bytes(const at::Tensor& images);

// images [n, C, H, W] in [-1, 1] with C 1 or 3 -> [height, width, C] uint8: rows of `columns` images, each
// pixel `zoom` pixels wide, `gap` pixels of background between images.
at::Tensor image_grid(const at::Tensor& images, int64_t columns, int64_t zoom, int64_t gap);

// points [n, 2] -> [size, size, 1] uint8: how many points fall on a pixel, over [-extent, extent] in both
// axes, the second axis upward; darker is denser.
at::Tensor point_density(const at::Tensor& points, int64_t size, double extent);

// Cells of a square around 0 of half the width `extent`, `side` along a side: their middles [side^2, 2]
// float64, from the top left on, the second axis upward.
at::Tensor grid_points(int64_t side, double extent);

// density [height, width] float64 -> [1, 1, height, width] float32, as images are: 1 (white) where it is 0,
// and dark at the mean density that a sample meets.
at::Tensor density_shades(const at::Tensor& density);

}  // namespace pfgm
