#include "field/field.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "field/sums.h"
#include "runtime/error.h"

namespace pfgm {

namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

at::Tensor field_target(const at::Tensor& sources, const at::Tensor& x, const at::Tensor& z, double gamma) {
  const int64_t source_count = sources.size(0), count = x.size(0);
  const int64_t dimensions = source_count ? sources.numel() / source_count : 0;
  if (source_count == 0 || dimensions == 0)
    throw Error("ERR_PFGM_ARGUMENT", "Expected at least one source of at least one dimension");
  if (x.numel() != count * dimensions)
    throw Error("ERR_PFGM_ARGUMENT", "Expected x to have " + std::to_string(dimensions) +
                                         " numbers a query, as the sources have, but received " +
                                         std::to_string(count ? x.numel() / count : 0));
  if (z.numel() != count)
    throw Error("ERR_PFGM_ARGUMENT", "Expected one z a query, " + std::to_string(count) + ", but received " +
                                         std::to_string(z.numel()));
  const auto device = x.device();
  const auto host = at::TensorOptions(at::kCPU).dtype(at::kFloat);
  const at::Tensor source_rows = sources.to(host).contiguous();
  const at::Tensor x_rows = x.to(host).contiguous(), z_rows = z.to(host).contiguous();
  at::Tensor target = at::empty({count, dimensions + 1}, host);
  if (count == 0) return target.to(device);

  const int64_t padded = round_up(count, field::kQueryPadding);
  const float* x_data = x_rows.const_data_ptr<float>();
  const float* z_data = z_rows.const_data_ptr<float>();
  std::vector<double> queries(padded * dimensions), heights(padded), heights_squared(padded);
  for (int64_t q = 0; q < padded; ++q) {
    const int64_t row = std::min(q, count - 1);  // padding repeats the last query
    heights[q] = std::max(double(z_data[row]), 1e-10);
    heights_squared[q] = heights[q] * heights[q];
    std::copy_n(x_data + row * dimensions, dimensions, queries.data() + q * dimensions);
  }

  const field::Sums sums =
      field::sum_over_sources({source_rows.const_data_ptr<float>(), source_count, queries.data(),
                               heights_squared.data(), padded, dimensions, dimensions + 1});

  float* out = target.mutable_data_ptr<float>();
  const double root_n = std::sqrt(double(dimensions));
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    for (int64_t q = first; q < last; ++q) {
      const double* weighted = sums.weighted.data() + q * dimensions;
      const double inverse = 1.0 / sums.weights[q];
      double square = heights_squared[q];
      for (int64_t c = 0; c < dimensions; ++c) square += weighted[c] * inverse * weighted[c] * inverse;
      const double factor = -root_n / (std::sqrt(square) + gamma);
      float* row = out + q * (dimensions + 1);
      for (int64_t c = 0; c < dimensions; ++c) row[c] = float(factor * weighted[c] * inverse);
      row[dimensions] = float(factor * heights[q]);
    }
  });
  return target.to(device);
}

}  // namespace pfgm
