#include "nn/network_plan.h"

#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <map>
#include <utility>

#include "nn/plan_kernel.h"

namespace pfgm::nn {
NetworkPlan::NetworkPlan(const Network& network, const Embedding& embedding, bool centered,
                         plan::Precision precision)
    : weights_version_(network.weights_version()),
      kernel_(plan_kernel()),
      embedding_(embedding),
      centered_(centered),
      field_(network.output() == Output::kField),
      channels_(network.shape()[0]),
      pixels_(network.shape()[1] * network.shape()[2]),
      plan_(kernel_, precision) {}

std::shared_ptr<NetworkPlan> NetworkPlan::make(const Network& network, const Embedding& embedding,
                                               bool centered, plan::Precision precision, const Body& body) {
  std::shared_ptr<NetworkPlan> made(new NetworkPlan(network, embedding, centered, precision));
  const std::vector<int64_t>& shape = network.shape();
  try {
    Planner ops(made->plan_, embedding);
    const Planner::Image x = ops.input(shape[0], shape[1], shape[2]);
    const Planner::Image out = body(ops, x);
    ops.finish(out);
    made->waves_ = ops.waves();
    made->labels_ = ops.labels();
  } catch (const Unplanned&) {
    return nullptr;
  }
  return made;
}

bool NetworkPlan::is_current(const Network& network) const {
  return network.weights_version() == weights_version_ && &kernel_ == &plan_kernel();
}

Field NetworkPlan::evaluate(const at::Tensor& x, const at::Tensor& z, const at::Tensor& labels) {
  const int64_t count = x.size(0), values = channels_ * pixels_;
  Field out{at::empty_like(x), {}};
  if (field_) out.z = at::empty_like(z);
  const float *const from_x = x.const_data_ptr<float>(), *const from_z = z.const_data_ptr<float>();
  const int64_t* const from_labels = labels.defined() ? labels.const_data_ptr<int64_t>() : nullptr;
  float* const to_x = out.x.mutable_data_ptr<float>();
  float* const to_z = field_ ? out.z.mutable_data_ptr<float>() : nullptr;

  for (int64_t first = 0; first < count; first += plan_.batch()) {
    const int64_t images = std::min(plan_.batch(), count - first);
    // What heights and labels give is made once for all images that have the same.
    std::vector<std::pair<float, int64_t>> rows;
    std::map<std::pair<float, int64_t>, int32_t> row_at;
    std::vector<int32_t> row_of(images);
    for (int64_t i = 0; i < images; ++i) {
      const float height = field_ ? std::max(from_z[first + i], 1e-10f) : from_z[first + i];
      const std::pair<float, int64_t> row{height, from_labels ? from_labels[first + i] : kNoLabel};
      const auto [place, added] = row_at.emplace(row, int32_t(rows.size()));
      if (added) rows.push_back(row);
      row_of[i] = place->second;
    }
    const auto fill = [&](plan::Value value, int64_t item, float* to) {
      if (value == waves_) return embedding_.waves(rows[item].first, rows[item].second, to);
      if (value == labels_) return embedding_.label(rows[item].second, to);
      const float* const image = from_x + (first + item) * values;
      const int64_t pitch = plan::padded(channels_);
      for (int64_t c = 0; c < channels_; ++c)
        for (int64_t i = 0; i < pixels_; ++i) {
          const float value = image[c * pixels_ + i];
          to[i * pitch + c] = centered_ ? value : value * 2 - 1;
        }
    };
    const auto read = [&](int64_t item, const float* from, int64_t pitch) {
      float* const image = to_x + (first + item) * values;
      for (int64_t c = 0; c < channels_; ++c)
        for (int64_t i = 0; i < pixels_; ++i) image[c * pixels_ + i] = from[i * pitch + c];
      if (!field_) return;
      double sum = 0;
      for (int64_t i = 0; i < pixels_; ++i) sum += double(from[i * pitch + channels_]);
      to_z[first + item] = float(sum / double(pixels_));
    };
    plan_.run(images, int64_t(rows.size()), row_of.data(), fill, read);
  }
  return out;
}

}  // namespace pfgm::nn
