// Figures about data and samples.
#pragma once

#include <ATen/core/Tensor.h>

namespace pfgm {

struct DataStatistics {
  double mean_norm = 0;  // mean over the items of |y|
  double deviation = 0;  // standard deviation of all numbers about their one mean
  double minimum = 0, maximum = 0;
  int64_t not_finite = -1;  // the first item with a NaN or an infinity
};

// data [items, ...] uint8 or float32; values as a network sees them.
DataStatistics data_statistics(const at::Tensor& data);

// `count` of `total` row numbers, drawn with replacement; a function of (seed, draw).
at::Tensor bootstrap_rows(uint64_t seed, uint64_t draw, int64_t count, int64_t total);

}  // namespace pfgm
