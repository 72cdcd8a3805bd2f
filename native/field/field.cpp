#include "field/field.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "field/field_kernel.h"
#include "runtime/error.h"

namespace pfgm {

namespace field {

const std::vector<const Kernel*>& available_kernels() {
  static const std::vector<const Kernel*> kernels = [] {
    std::vector<const Kernel*> found;
#if defined(PFGM_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
      found.push_back(&avx512_kernel());
#endif
#if defined(PFGM_HAVE_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2_kernel());
#endif
    found.push_back(&portable_kernel());
    return found;
  }();
  return kernels;
}

namespace {

std::atomic<const Kernel*>& chosen() {
  static std::atomic<const Kernel*> kernel{available_kernels().front()};
  return kernel;
}

}  // namespace

const Kernel& current_kernel() {
  return *chosen();
}

bool choose_kernel(const char* name) {
  for (const Kernel* kernel : available_kernels()) {
    if (std::strcmp(kernel->name, name) != 0) continue;
    chosen() = kernel;
    return true;
  }
  return false;
}

}  // namespace field

namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Sums over all sources, block by block; what a query needs at the end.
struct Sums {
  std::vector<double> weighted;  // [queries, N]: sum w (q - s), weights relative to the nearest source
  std::vector<double> weights;   // [queries]
};

Sums sum_over_sources(const field::Kernel& kernel, const float* sources, int64_t source_count,
                      const std::vector<double>& queries, const std::vector<double>& heights_squared,
                      int64_t dimensions, int64_t exponent) {
  const int64_t count = int64_t(heights_squared.size());
  Sums sums{std::vector<double>(count * dimensions), std::vector<double>(count)};
  std::vector<double> minimum(count, INFINITY), rescale(count);
  // Not cleared: every distance is written before it is read.
  const std::unique_ptr<double[]> block(new double[count * field::kSourceBlock]);

  for (int64_t start = 0; start < source_count; start += field::kSourceBlock) {
    const float* rows = sources + start * dimensions;
    const int64_t size = std::min(field::kSourceBlock, source_count - start);
    const int64_t tiles = (size + kernel.source_tile - 1) / kernel.source_tile;
    at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
      // A slice of a few tiles stays in cache while every query passes it.
      constexpr int64_t kSlice = 8;
      for (int64_t tile = first; tile < last; tile += kSlice) {
        const int64_t end = std::min({(tile + kSlice) * kernel.source_tile, last * kernel.source_tile, size});
        kernel.distances(queries.data(), count, rows, tile * kernel.source_tile, end, dimensions,
                         block.get());
      }
    });
    at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
      for (int64_t q = first; q < last; ++q)
        rescale[q] = kernel.weigh(block.get() + q * field::kSourceBlock, size, heights_squared[q], exponent,
                                  minimum[q], sums.weights[q]);
    });
    const int64_t query_tiles = count / kernel.query_tile;
    const int64_t chunks = (dimensions + field::kCoordinateChunk - 1) / field::kCoordinateChunk;
    at::parallel_for(0, query_tiles * chunks, 1, [&](int64_t first, int64_t last) {
      for (int64_t job = first; job < last; ++job) {
        const int64_t q = job / chunks * kernel.query_tile;
        const int64_t c = job % chunks * field::kCoordinateChunk;
        kernel.accumulate(queries.data() + q * dimensions, rows, size, block.get() + q * field::kSourceBlock,
                          rescale.data() + q, dimensions, c,
                          std::min(c + field::kCoordinateChunk, dimensions),
                          sums.weighted.data() + q * dimensions);
      }
    });
  }
  return sums;
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

  const field::Kernel& kernel = field::current_kernel();
  const int64_t padded = round_up(count, kernel.query_tile);
  const float* x_data = x_rows.const_data_ptr<float>();
  const float* z_data = z_rows.const_data_ptr<float>();
  std::vector<double> queries(padded * dimensions), heights(padded), heights_squared(padded);
  for (int64_t q = 0; q < padded; ++q) {
    const int64_t row = std::min(q, count - 1);  // padding repeats the last query
    heights[q] = std::max(double(z_data[row]), 1e-10);
    heights_squared[q] = heights[q] * heights[q];
    std::copy_n(x_data + row * dimensions, dimensions, queries.data() + q * dimensions);
  }

  const Sums sums = sum_over_sources(kernel, source_rows.const_data_ptr<float>(), source_count, queries,
                                     heights_squared, dimensions, dimensions + 1);

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
