// Distances of every row of one set to every row of another.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <vector>

#include "field/kernel.h"
#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm {

// Items as rows of numbers, on the CPU.
inline at::Tensor rows_of(const at::Tensor& items) {
  const int64_t count = items.size(0);
  return items.reshape({count, count ? items.numel() / count : 1}).to(at::kCPU, at::kFloat).contiguous();
}

// Calls body(row, first, count, squares) with the squared distances of a row of `left` to `count` rows of
// `right` from `first` on, these in their order, rows of `left` on several threads. Distances are from
// differences, in float64.
template <class Body>
void for_each_distance(const at::Tensor& left, const at::Tensor& right, const Body& body) {
  const field::DifferenceKernel& kernel = field::current_kernel().differences;
  const int64_t rows = left.size(0), columns = right.size(0), dimensions = left.size(1);
  if (rows == 0 || columns == 0 || right.size(1) != dimensions)
    throw Error("ERR_PFGM_ARGUMENT", "Expected two sets of points of the same dimension");
  const float* const from = left.const_data_ptr<float>();
  const float* const to = right.const_data_ptr<float>();
  const Stop& stop = Stop::current();
  at::parallel_for(0, (rows + kernel.query_tile - 1) / kernel.query_tile, 1,
                   [&](int64_t first_tile, int64_t last_tile) {
                     std::vector<double> queries(kernel.query_tile * dimensions),
                         squares(kernel.query_tile * field::kSourceBlock);
                     for (int64_t tile = first_tile; tile < last_tile; ++tile) {
                       const int64_t row = tile * kernel.query_tile;
                       const int64_t used = std::min<int64_t>(kernel.query_tile, rows - row);
                       for (int64_t q = 0; q < kernel.query_tile; ++q)
                         std::copy_n(from + std::min(row + q, rows - 1) * dimensions, dimensions,
                                     queries.data() + q * dimensions);
                       for (int64_t start = 0; start < columns; start += field::kSourceBlock) {
                         stop.check();
                         const int64_t size = std::min(field::kSourceBlock, columns - start);
                         kernel.distances(queries.data(), kernel.query_tile, to + start * dimensions, 0, size,
                                          dimensions, squares.data());
                         for (int64_t q = 0; q < used; ++q)
                           body(row + q, start, size, squares.data() + q * field::kSourceBlock);
                       }
                     }
                   });
}

}  // namespace pfgm
