#include "nn/recomputed.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "runtime/stop.h"

namespace pfgm::nn {
namespace {

using torch::autograd::variable_list;

struct HeldPart : torch::CustomClassHolder {
  explicit HeldPart(Part part) : part(std::move(part)) {}
  const Part part;
  // That of the job, which a device's thread of autograd does not know.
  Stop& stop = Stop::current();
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& embedding, const c10::intrusive_ptr<HeldPart>& held) {
    context->save_for_backward({x, embedding});
    context->saved_data["part"] = c10::IValue::make_capsule(held);
    return held->part(x, embedding);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list gradients) {
    const auto held = context->saved_data["part"].toCapsule();
    const variable_list saved = context->get_saved_variables();
    const Stop::Scope scope(static_cast<const HeldPart&>(*held).stop);
    const at::AutoGradMode with_grad(true);
    const at::Tensor x = saved[0].detach().requires_grad_(), embedding = saved[1].detach().requires_grad_();
    const at::Tensor out = static_cast<const HeldPart&>(*held).part(x, embedding);
    // The parameters' gradients are added to theirs.
    torch::autograd::backward({out}, {gradients[0]});
    return {x.grad(), embedding.grad(), {}};
  }
};

}  // namespace

at::Tensor recomputed(Part part, const at::Tensor& x, const at::Tensor& embedding) {
  return Recomputed::apply(x, embedding, c10::make_intrusive<HeldPart>(std::move(part)));
}

}  // namespace pfgm::nn
