// A network's plan with what goes in and comes out.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "nn/embedding.h"
#include "nn/network.h"
#include "nn/planner.h"
#include "plan/plan.h"

namespace pfgm::nn {

class NetworkPlan {
 public:
  // The network on the operations of a plan.
  using Body = std::function<Planner::Image(Planner& ops, const Planner::Image& x)>;

  // Null where plans do not have what the network is made of. centered: its data is in [-1, 1] as it stands.
  static std::shared_ptr<NetworkPlan> make(const Network& network, const Embedding& embedding, bool centered,
                                           plan::Precision precision, const Body& body);

  // On the CPU: x, z and labels as infer has them. An item's field depends neither on the rest of
  // the batch nor on the number of threads, to the last bit.
  Field evaluate(const at::Tensor& x, const at::Tensor& z, const at::Tensor& labels);

  // Whether it is that of the weights as they are, and of the instructions that are to be used.
  bool is_current(const Network& network) const;

 private:
  NetworkPlan(const Network& network, const Embedding& embedding, bool centered, plan::Precision precision);

  uint64_t weights_version_;
  const plan::Kernel& kernel_;
  const Embedding& embedding_;
  bool centered_, field_;
  int64_t channels_, pixels_;
  plan::Plan plan_;
  plan::Value waves_ = plan::kNone, labels_ = plan::kNone;
};

}  // namespace pfgm::nn
