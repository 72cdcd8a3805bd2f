// The field with float64 differences for every pair.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "field/sums.h"
#include "runtime/stop.h"

namespace pfgm::field {
namespace {

// As DifferenceKernel::weigh, of any exponent: weights (1 + (d2 - m) / (m + r^2))^(-p/2), or exp(-(d2 - m) /
// (2 r^2)) where p is infinite, m the squared distance of the nearest source.
double weigh_by_logarithm(double* distances, int64_t count, double height_squared, double exponent,
                          double& minimum, double& weight_sum) {
  const double before = minimum;
  minimum = std::min(minimum, *std::min_element(distances, distances + count));
  const double from = std::max(minimum + height_squared, kSmallestSquare);
  const auto weight = [&](double farther) {
    return std::isinf(exponent) ? std::exp(-farther / (2 * height_squared))
                                : std::exp(-exponent / 2 * std::log1p(farther / from));
  };
  const double rescale = std::isinf(before) ? 0 : weight(before - minimum);
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += distances[i] = weight(distances[i] - minimum);
  weight_sum = weight_sum * rescale + total;
  return rescale;
}

}  // namespace

Sums sums_by_differences(const DifferenceKernel& kernel, const Problem& problem) {
  const int64_t count = problem.count, dimensions = problem.sources.dimensions,
                source_count = problem.sources.count(), block_rows = problem.sources.block(kSourceBlock);
  Sums sums(count, dimensions);
  std::vector<double> minimum(count, INFINITY), rescale(count);
  const std::unique_ptr<float[]> room = problem.sources.room(std::min(block_rows, source_count));
  // Not cleared: every distance is written before it is read.
  const std::unique_ptr<double[]> block(new double[count * kSourceBlock]);
  const bool squares = problem.squares();

  for (int64_t start = 0; start < source_count; start += block_rows) {
    Stop::current().check();
    const int64_t size = std::min(block_rows, source_count - start);
    const float* rows = problem.sources.rows(start, size, room.get());
    const int64_t tiles = (size + kernel.source_tile - 1) / kernel.source_tile;
    at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
      // A slice of a few tiles stays in cache while every query passes it.
      constexpr int64_t kSlice = 8;
      for (int64_t tile = first; tile < last; tile += kSlice) {
        const int64_t end = std::min({(tile + kSlice) * kernel.source_tile, last * kernel.source_tile, size});
        kernel.distances(problem.queries, count, rows, tile * kernel.source_tile, end, dimensions,
                         block.get());
      }
    });
    const int64_t query_tiles = count / kernel.query_tile;
    const auto weigh = [&](int64_t tile) {
      for (int64_t q = tile * kernel.query_tile; q < (tile + 1) * kernel.query_tile; ++q)
        rescale[q] =
            squares ? kernel.weigh(block.get() + q * kSourceBlock, size, problem.heights_squared[q],
                                   int64_t(problem.exponent), minimum[q], sums.weights[q])
                    : weigh_by_logarithm(block.get() + q * kSourceBlock, size, problem.heights_squared[q],
                                         problem.exponent, minimum[q], sums.weights[q]);
    };
    const auto accumulate = [&](int64_t tile, int64_t first, int64_t last) {
      const int64_t q = tile * kernel.query_tile;
      kernel.accumulate(problem.queries + q * dimensions, rows, size, block.get() + q * kSourceBlock,
                        rescale.data() + q, dimensions, first, last, sums.weighted.data() + q * dimensions);
    };
    if (dimensions <= kCoordinateChunk) {  // each wait for all threads would cost as much as the work
      at::parallel_for(0, query_tiles, 1, [&](int64_t first, int64_t last) {
        for (int64_t tile = first; tile < last; ++tile) {
          weigh(tile);
          accumulate(tile, 0, dimensions);
        }
      });
      continue;
    }
    at::parallel_for(0, query_tiles, 1, [&](int64_t first, int64_t last) {
      for (int64_t tile = first; tile < last; ++tile) weigh(tile);
    });
    const int64_t chunks = (dimensions + kCoordinateChunk - 1) / kCoordinateChunk;
    at::parallel_for(0, query_tiles * chunks, 1, [&](int64_t first, int64_t last) {
      for (int64_t job = first; job < last; ++job) {
        const int64_t c = job % chunks * kCoordinateChunk;
        accumulate(job / chunks, c, std::min(c + kCoordinateChunk, dimensions));
      }
    });
  }
  return sums;
}

}  // namespace pfgm::field
