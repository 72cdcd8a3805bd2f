#include "train/reduce.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace pfgm {
namespace {

double euclidean_norm(const at::Tensor& flat) {
  if (!flat.is_cpu()) return flat.norm(2, at::kDouble).item<double>();
  constexpr int64_t kBlock = 65536;
  const float* values = flat.const_data_ptr<float>();
  const int64_t count = flat.numel(), blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> squares(blocks, 0);
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t end = std::min(count, (block + 1) * kBlock);
      // Eight sums side by side, which a compiler may keep in one vector.
      double sums[8] = {};
      int64_t i = block * kBlock;
      for (; i + 8 <= end; i += 8)
        for (int lane = 0; lane < 8; ++lane) sums[lane] += double(values[i + lane]) * values[i + lane];
      for (; i < end; ++i) sums[0] += double(values[i]) * values[i];
      for (double sum : sums) squares[block] += sum;
    }
  });
  double total = 0;
  for (double square : squares) total += square;
  return std::sqrt(total);
}

}  // namespace

Reduced reduce(const at::Tensor& loss, const at::Tensor& gradients) {
  Reduced reduced;
  reduced.loss = loss.item<double>();
  reduced.gradient_norm = euclidean_norm(gradients);
  reduced.finite = std::isfinite(reduced.loss) && std::isfinite(reduced.gradient_norm);
  return reduced;
}

}  // namespace pfgm
