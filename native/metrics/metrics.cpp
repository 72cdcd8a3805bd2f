#include "metrics/metrics.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "data/values.h"
#include "field/kernel.h"
#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm {
namespace {

at::Tensor rows_of(const at::Tensor& items) {
  const int64_t count = items.size(0);
  return items.reshape({count, count ? items.numel() / count : 1}).to(at::kCPU, at::kFloat).contiguous();
}

}  // namespace

DataStatistics data_statistics(const at::Tensor& data) {
  DataStatistics result;
  const int64_t count = data.size(0);
  if (count == 0 || data.numel() == 0) throw Error("ERR_PFGM_ARGUMENT", "Expected data of at least one item");
  result.minimum = INFINITY;
  result.maximum = -INFINITY;
  double norms = 0, sum = 0, squares = 0;
  constexpr int64_t kChunk = 4096;
  for (int64_t start = 0; start < count; start += kChunk) {
    Stop::current().check();
    const at::Tensor rows = rows_of(as_values(data.slice(0, start, std::min(start + kChunk, count))));
    const at::Tensor norm = rows.norm(2, at::IntArrayRef{1}, false, at::kDouble).contiguous();
    const double* values = norm.const_data_ptr<double>();
    for (int64_t i = 0; i < norm.numel(); ++i) {
      if (!std::isfinite(values[i]) && result.not_finite < 0) result.not_finite = start + i;
      norms += values[i];
      squares += values[i] * values[i];
    }
    sum += rows.sum(at::kDouble).item<double>();
    result.minimum = std::min(result.minimum, rows.min().item<double>());
    result.maximum = std::max(result.maximum, rows.max().item<double>());
  }
  result.mean_norm = norms / double(count);
  const double mean = sum / double(data.numel());
  result.deviation = std::sqrt(std::max(squares / double(data.numel()) - mean * mean, 0.0));
  return result;
}

double mean_distance(const at::Tensor& a, const at::Tensor& b, bool skip_diagonal) {
  const field::DifferenceKernel& kernel = field::current_kernel().differences;
  const at::Tensor left = rows_of(a), right = rows_of(b);
  const int64_t rows = left.size(0), columns = right.size(0), dimensions = left.size(1);
  if (rows == 0 || columns == 0 || right.size(1) != dimensions)
    throw Error("ERR_PFGM_ARGUMENT", "Expected two sets of points of the same dimension");
  const int64_t tiles = (rows + kernel.query_tile - 1) / kernel.query_tile;
  std::vector<double> totals(tiles, 0);
  const float* from = left.const_data_ptr<float>();
  const float* to = right.const_data_ptr<float>();
  const Stop& stop = Stop::current();
  at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
    std::vector<double> queries(kernel.query_tile * dimensions),
        squares(kernel.query_tile * field::kSourceBlock);
    for (int64_t tile = first; tile < last; ++tile) {
      const int64_t row = tile * kernel.query_tile, used = std::min<int64_t>(kernel.query_tile, rows - row);
      for (int64_t q = 0; q < kernel.query_tile; ++q)
        std::copy_n(from + std::min(row + q, rows - 1) * dimensions, dimensions,
                    queries.data() + q * dimensions);
      for (int64_t start = 0; start < columns; start += field::kSourceBlock) {
        stop.check();
        const int64_t size = std::min(field::kSourceBlock, columns - start);
        kernel.distances(queries.data(), kernel.query_tile, to + start * dimensions, 0, size, dimensions,
                         squares.data());
        for (int64_t q = 0; q < used; ++q)
          for (int64_t s = 0; s < size; ++s)
            if (!skip_diagonal || row + q != start + s)
              totals[tile] += std::sqrt(squares[q * field::kSourceBlock + s]);
      }
    }
  });
  double total = 0;
  for (double part : totals) total += part;
  const double pairs = double(rows) * double(columns) - (skip_diagonal ? double(std::min(rows, columns)) : 0);
  return pairs > 0 ? total / pairs : 0;
}

double energy_distance(const at::Tensor& samples, const at::Tensor& data) {
  return 2 * mean_distance(samples, data, false) - mean_distance(samples, samples, true) -
         mean_distance(data, data, false);
}

at::Tensor bootstrap_rows(uint64_t seed, uint64_t draw, int64_t count, int64_t total) {
  at::Tensor rows = at::empty({count}, at::kLong);
  const Philox random(seed, (uint64_t(Purpose::kBootstrap) << 48) | draw);
  int64_t* out = rows.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) out[i] = int64_t(random.below(uint64_t(i), uint64_t(total)));
  return rows;
}

}  // namespace pfgm
