#include "flow/flow.h"

#include <ATen/ops/tensor.h>

#include <algorithm>

namespace pfgm {

at::Tensor label_tensor(const std::vector<int64_t>& labels) {
  const bool none =
      std::all_of(labels.begin(), labels.end(), [](int64_t label) { return label == kNoLabel; });
  return none ? at::Tensor() : at::tensor(labels, at::kLong);
}

at::Tensor label_tensor(const Rows& rows) {
  std::vector<int64_t> labels;
  for (const Row& row : rows) labels.push_back(row.label);
  return label_tensor(labels);
}

}  // namespace pfgm
