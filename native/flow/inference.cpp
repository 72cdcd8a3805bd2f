#include "flow/inference.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace pfgm {

Field inferred(const Network& network, const at::Tensor& x, const at::Tensor& z, const Rows& rows,
               const std::vector<double>& heights, const Inference& how) {
  const at::Tensor labels = label_tensor(rows);
  std::vector<int64_t> exact, rounded;
  for (size_t i = 0; i < heights.size(); ++i)
    (how.precision == Precision::kFloat32 || heights[i] <= how.rounds_above ? exact : rounded)
        .push_back(int64_t(i));
  if (rounded.empty()) return infer(network, x, z, labels, how.deterministic, Precision::kFloat32);
  if (exact.empty()) return infer(network, x, z, labels, how.deterministic, how.precision);

  Field all{at::empty_like(x), network.output() == Output::kField ? at::empty_like(z) : at::Tensor()};
  for (const auto& [which, precision] :
       {std::pair(exact, Precision::kFloat32), std::pair(rounded, how.precision)}) {
    const at::Tensor index = at::tensor(which, at::kLong);
    const Field some =
        infer(network, x.index_select(0, index), z.index_select(0, index),
              labels.defined() ? labels.index_select(0, index) : labels, how.deterministic, precision);
    all.x.index_copy_(0, index, some.x);
    if (all.z.defined()) all.z.index_copy_(0, index, some.z);
  }
  return all;
}

}  // namespace pfgm
