#include "flow/flow.h"

#include <ATen/ops/tensor.h>

#include <algorithm>

namespace pfgm {

at::Tensor label_tensor(const std::vector<int64_t>& labels) {
  const bool none =
      std::all_of(labels.begin(), labels.end(), [](int64_t label) { return label == kNoLabel; });
  return none ? at::Tensor() : at::tensor(labels, at::kLong);
}

}  // namespace pfgm
