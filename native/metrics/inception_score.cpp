#include "metrics/inception_score.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/xlogy.h>

#include <cmath>

#include "runtime/error.h"

namespace pfgm {

std::vector<double> inception_scores(const at::Tensor& probabilities, int64_t splits) {
  const int64_t count = probabilities.size(0);
  if (splits < 1 || splits > count) throw Error("ERR_PFGM_ARGUMENT", "Expected splits of one item at least");
  const at::Tensor all = probabilities.to(at::kCPU, at::kDouble);
  std::vector<double> scores;
  for (int64_t i = 0; i < splits; ++i) {
    const at::Tensor p = all.slice(0, i * count / splits, (i + 1) * count / splits);
    const at::Tensor mean = p.mean(0, true);
    const at::Tensor divergence = (at::xlogy(p, p) - at::xlogy(p, mean)).sum(1);
    scores.push_back(std::exp(divergence.mean().item<double>()));
  }
  return scores;
}

}  // namespace pfgm
