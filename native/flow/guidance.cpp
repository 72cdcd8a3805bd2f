#include "flow/guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

namespace pfgm {

Drift guided_drift(const Flow& flow, const at::Tensor& x, const std::vector<double>& heights,
                   const Rows& rows, bool both_sides) {
  const int64_t count = x.size(0);
  Rows all = rows;
  std::vector<double> all_heights = heights, weights;
  std::vector<int64_t> guided;
  for (int64_t i = 0; i < count; ++i) {
    const auto& [weight, from, to] = rows[i].guidance;
    if (rows[i].label == kNoLabel || weight == 1 || !(heights[i] > from && heights[i] <= to)) continue;
    Row unlabelled = rows[i];
    unlabelled.label = kNoLabel;
    if (weight == 0) {
      all[i] = unlabelled;
      continue;
    }
    guided.push_back(i);
    weights.push_back(weight);
    all.push_back(unlabelled);
    all_heights.push_back(heights[i]);
  }
  if (guided.empty()) return flow.drift(x, heights, all, both_sides);

  const at::Tensor places = at::tensor(guided, at::kLong);
  const at::Tensor weight = at::tensor(weights, at::kDouble).unsqueeze(1);
  Drift drift = flow.drift(at::cat({x, x.index_select(0, places)}), all_heights, all, both_sides);
  for (at::Tensor* value : {&drift.value, &drift.other_side}) {
    if (!value->defined()) continue;
    const at::Tensor conditional = value->narrow(0, 0, count),
                     unconditional = value->narrow(0, count, int64_t(guided.size()));
    const at::Tensor difference = conditional.index_select(0, places) - unconditional;
    *value = conditional.index_copy(0, places, unconditional + weight * difference);
  }
  for (size_t j = 0; j < guided.size(); ++j)
    if (drift.outside[count + j]) drift.outside[guided[j]] = 1;
  drift.outside.resize(count);
  return drift;
}

}  // namespace pfgm
