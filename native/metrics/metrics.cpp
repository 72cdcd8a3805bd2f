#include "metrics/metrics.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "data/values.h"
#include "metrics/distances.h"
#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/stop.h"

namespace pfgm {
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

at::Tensor bootstrap_rows(uint64_t seed, uint64_t draw, int64_t count, int64_t total) {
  at::Tensor rows = at::empty({count}, at::kLong);
  const Philox random(seed, (uint64_t(Purpose::kBootstrap) << 48) | draw);
  int64_t* out = rows.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) out[i] = int64_t(random.below(uint64_t(i), uint64_t(total)));
  return rows;
}

}  // namespace pfgm
