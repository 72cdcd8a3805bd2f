#include "nn/fused_convolution.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "nn/plan_kernel.h"
#include "plan/pack.h"
#include "plan/run.h"
#include "runtime/stop.h"

namespace pfgm::nn {
namespace {

using plan::Activation;
using plan::Filter;
using plan::Form;
using plan::Image;
using plan::Input;
using plan::padded;
using plan::Precision;
using plan::Resample;
using torch::autograd::variable_list;

int64_t resampled(int64_t size, Resample how) {
  return how == Resample::kUp ? size * 2 : how == Resample::kDown ? size / 2 : size;
}

// As images lie in a plan: [b, H, W, padded C].
at::Tensor pixels(const at::Tensor& image) {
  const at::Tensor last = image.permute({0, 2, 3, 1});
  const int64_t channels = image.size(1), more = padded(channels) - channels;
  return (more ? at::constant_pad_nd(last, {0, more}) : last).contiguous();
}

// The other way round.
at::Tensor image_of(const at::Tensor& pixels, int64_t channels) {
  return pixels.narrow(3, 0, channels).permute({0, 3, 1, 2});
}

Image image_at(const at::Tensor& pixels, int64_t channels) {
  if (!pixels.defined()) return {};
  return {pixels.mutable_data_ptr<float>(), channels, pixels.size(3), {}};
}

// As products take it, until the next one is.
const plan::Packing& packed(Form form, Precision precision, const Filter& filter) {
  thread_local plan::Packing packing;
  packing.begin(form, precision, filter.inputs, 0, filter.outputs);
  packing.add(plan_kernel(), filter, 0);
  return packing;
}

Filter turned_round(Filter filter, int64_t size) {
  filter.weights += (size - 1) * (filter.row_pitch + filter.column_pitch);
  std::swap(filter.outputs, filter.inputs);
  std::swap(filter.output_pitch, filter.input_pitch);
  filter.row_pitch = -filter.row_pitch;
  filter.column_pitch = -filter.column_pitch;
  filter.bias = nullptr;
  return filter;
}

// A convolution, but for its tensors.
struct Settings : torch::CustomClassHolder {
  Filter filter;
  int64_t size;  // of the filter
  int64_t groups = 0;
  double epsilon = 0;
  Activation activation = Activation::kNone;
  bool modulated = false;
  double kept_factor = 1;
  Resample resample = Resample::kNone, skip_resample = Resample::kNone;
  double factor = 1;
  Precision precision = Precision::kFloat32;
  // Which of the tensors that may have gradients there are, and which has which number among them.
  enum { kX, kNormWeight, kNormBias, kModulation, kWeight, kBias, kImageBias, kSkip, kAll };
  int64_t number[kAll];
};

// With those that both passes read.
struct Known {
  const Settings& settings;
  at::Tensor x;     // pixels
  at::Tensor sums;  // of x, [b, 2, channels] float64
  at::Tensor kept;  // pixels, uint8
  at::Tensor rows;  // [b, 2 inputs or 0 | padded outputs or 0]
  at::Tensor norm_weight, norm_bias;

  int64_t images() const { return x.size(0); }
  int64_t height() const { return resampled(x.size(1), settings.resample); }
  int64_t width() const { return resampled(x.size(2), settings.resample); }
  Form form(int64_t inputs, int64_t outputs, Precision precision) const {
    return plan::form_of(settings.size, height(), width(), inputs, outputs, precision);
  }

  Input input(const std::vector<int32_t>& row_of) const {
    Input in;
    in.images[0] = image_at(x, settings.filter.inputs);
    if (sums.defined()) in.images[0].sums.values = sums.mutable_data_ptr<double>();
    in.height = x.size(1);
    in.width = x.size(2);
    in.activation = settings.activation;
    if (kept.defined()) in.dropout = {kept.const_data_ptr<uint8_t>(), float(settings.kept_factor)};
    in.resample = settings.resample;
    if (rows.defined()) {
      in.rows = row_of.data();
      in.row_pitch = rows.size(1);
    }
    if (settings.groups == 0) return in;
    in.norm.groups = settings.groups;
    in.norm.epsilon = settings.epsilon;
    in.norm.weight = norm_weight.const_data_ptr<float>();
    in.norm.bias = norm_bias.const_data_ptr<float>();
    if (!settings.modulated) return in;
    in.norm.scale = rows.const_data_ptr<float>();
    in.norm.shift = in.norm.scale + settings.filter.inputs;
    return in;
  }

  std::vector<int32_t> row_of() const {
    std::vector<int32_t> rows(images());
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }
};

// By a filter: what it is to read and what is made of what comes out, `complete` adds. -> pixels
template <class Complete>
at::Tensor convolved(const Known& known, const Filter& filter, const Complete& complete) {
  plan::Convolution c;
  c.images = known.images();
  c.height = known.height();
  c.width = known.width();
  c.precision = plan::precision_of(known.settings.precision, filter.inputs, filter.outputs);
  c.form = known.form(filter.inputs, filter.outputs, c.precision);
  const plan::Packing& weights = packed(c.form, c.precision, filter);
  c.depth = weights.depth();
  c.weights = weights.weights();
  c.bias = weights.bias();
  const at::Tensor out = at::empty({c.images, c.height, c.width, padded(filter.outputs)}, at::kFloat);
  c.out = image_at(out, filter.outputs);
  c.factor = float(known.settings.factor);
  complete(c);
  plan::run(plan_kernel(), c);
  return out;
}

at::Tensor forwards(const Known& known, const at::Tensor& skip) {
  const Settings& settings = known.settings;
  const std::vector<int32_t> row_of = known.row_of();
  return convolved(known, settings.filter, [&](plan::Convolution& c) {
    c.in = known.input(row_of);
    const int64_t of_modulation = settings.modulated ? 2 * settings.filter.inputs : 0;
    if (known.rows.defined() && known.rows.size(1) > of_modulation)
      c.image_bias = known.rows.const_data_ptr<float>() + of_modulation;
    c.skip = image_at(skip, settings.filter.outputs);
    c.skip_resample = settings.skip_resample;
  });
}

// [b, outputs] float64, of what is added to an image.
at::Tensor of_image_bias(const Settings& settings, const at::Tensor& out) {
  const at::Tensor sums = at::empty({out.size(0), out.size(3)}, at::kDouble);
  plan::run_sums(plan_kernel(), image_at(out, settings.filter.outputs), out.size(0),
                 out.size(1) * out.size(2), false, sums.mutable_data_ptr<double>());
  return sums.narrow(1, 0, settings.filter.outputs) * settings.factor;
}

// Of the weights, given that of what comes out, pixels.
at::Tensor of_weight(const Known& known, const at::Tensor& weight, const at::Tensor& out) {
  const std::vector<int32_t> row_of = known.row_of();
  const Filter& filter = known.settings.filter;
  plan::FilterGradient g;
  g.form = known.form(filter.inputs, filter.outputs, Precision::kFloat32);
  g.in = known.input(row_of);
  g.images = known.images();
  g.height = known.height();
  g.width = known.width();
  g.out = out.const_data_ptr<float>();
  g.out_channels = out.size(3);
  const at::Tensor gradient = at::empty_like(weight, at::MemoryFormat::Contiguous);
  plan::run(plan_kernel(), g, filter, gradient.mutable_data_ptr<float>(), float(known.settings.factor));
  return gradient;
}

// Of what comes in and what normalises it.
void of_input(const Known& known, const at::Tensor& out, const std::function<bool(int)>& wants,
              variable_list& to) {
  const std::vector<int32_t> row_of = known.row_of();
  const Filter filter = turned_round(known.settings.filter, known.settings.size);
  const at::Tensor gradient = convolved(known, filter, [&](plan::Convolution& c) {
    c.in.images[0] = image_at(out, filter.inputs);
    c.in.height = c.height;
    c.in.width = c.width;
  });

  const bool normalised = known.settings.groups > 0;
  const int64_t inputs = known.settings.filter.inputs;
  if (!normalised && known.settings.activation == Activation::kNone && !known.kept.defined() &&
      known.settings.resample == Resample::kNone) {
    to[Settings::kX] = image_of(gradient, inputs);
    return;
  }
  plan::InputGradient g;
  g.in = known.input(row_of);
  g.images = known.images();
  g.gradient = gradient.const_data_ptr<float>();
  const at::Tensor of_x = at::empty(known.x.sizes(), at::kFloat);
  g.out = of_x.mutable_data_ptr<float>();
  at::Tensor sums;
  if (normalised) {
    sums = at::empty({g.images, 2, known.x.size(3)}, at::kDouble);
    g.sums = sums.mutable_data_ptr<double>();
  }
  plan::run(plan_kernel(), g);
  if (wants(Settings::kX)) to[Settings::kX] = image_of(of_x, inputs);
  if (!normalised) return;
  // What h = (x^ weight + bias) (1 + scale) + shift gives its parameters.
  at::Tensor of_shift = sums.select(1, 0).narrow(1, 0, inputs),
             of_scale = sums.select(1, 1).narrow(1, 0, inputs);
  if (known.settings.modulated) {
    if (wants(Settings::kModulation))
      to[Settings::kModulation] =
          at::cat({of_scale * known.norm_weight + of_shift * known.norm_bias, of_shift}, 1).to(at::kFloat);
    const at::Tensor more = known.rows.narrow(1, 0, inputs) + 1;
    of_scale = of_scale * more;
    of_shift = of_shift * more;
  }
  if (wants(Settings::kNormWeight)) to[Settings::kNormWeight] = of_scale.sum(0).to(at::kFloat);
  if (wants(Settings::kNormBias)) to[Settings::kNormBias] = of_shift.sum(0).to(at::kFloat);
}

at::Tensor of_skip(const Settings& settings, const at::Tensor& gradient) {
  if (settings.skip_resample == Resample::kNone)
    return settings.factor == 1 ? gradient : gradient * settings.factor;
  const at::Tensor from = pixels(gradient);
  const int64_t outputs = gradient.size(1);
  const auto before = [&](int64_t size) {
    return settings.skip_resample == Resample::kUp ? size / 2 : size * 2;
  };
  const at::Tensor out =
      at::empty({from.size(0), before(from.size(1)), before(from.size(2)), from.size(3)}, at::kFloat);
  plan::InputGradient g;
  g.in.images[0] = image_at(out, outputs);  // whose values do not matter
  g.in.height = out.size(1);
  g.in.width = out.size(2);
  g.in.resample = settings.skip_resample;
  g.images = from.size(0);
  g.gradient = from.const_data_ptr<float>();
  g.factor = float(settings.factor);
  g.out = out.mutable_data_ptr<float>();
  plan::run(plan_kernel(), g);
  return image_of(out, outputs);
}

using Given = std::optional<at::Tensor>;

Given given(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  return tensor;
}

at::Tensor tensor(const Given& given) {
  return given.value_or(at::Tensor());
}

class Fused : public torch::autograd::Function<Fused> {
 public:
  // Tensors in the order of Settings' numbers.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, Given norm_weight,
                            Given norm_bias, Given modulation, const at::Tensor& weight,
                            const at::Tensor& bias, Given image_bias, Given skip, Given kept,
                            const c10::intrusive_ptr<Settings>& settings) {
    // Views that are made here are no concern of autograd's.
    const at::AutoDispatchBelowADInplaceOrView below;
    const int64_t outputs = settings->filter.outputs;
    Known known{*settings, pixels(x), {}, {}, {}, tensor(norm_weight), tensor(norm_bias)};
    if (kept) known.kept = pixels(*kept);
    if (norm_weight) {
      known.sums = at::empty({known.x.size(0), 2, known.x.size(3)}, at::kDouble);
      plan::run_sums(plan_kernel(), image_at(known.x, settings->filter.inputs), known.x.size(0),
                     known.x.size(1) * known.x.size(2), true, known.sums.mutable_data_ptr<double>());
    }
    std::vector<at::Tensor> rows;
    if (modulation) rows.push_back(*modulation);
    if (image_bias) rows.push_back(at::constant_pad_nd(*image_bias, {0, padded(outputs) - outputs}));
    if (!rows.empty()) known.rows = at::cat(rows, 1);
    context->save_for_backward(
        {known.x, known.sums, known.kept, known.rows, known.norm_weight, known.norm_bias, weight});
    context->saved_data["settings"] = c10::IValue::make_capsule(settings);
    return image_of(forwards(known, skip ? pixels(*skip) : at::Tensor()), outputs);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list gradients) {
    variable_list to(Settings::kAll + 2);
    if (!gradients[0].defined()) return to;
    Stop::current().check();
    const at::NoGradGuard no_grad;
    const auto held = context->saved_data["settings"].toCapsule();
    const Settings& settings = static_cast<const Settings&>(*held);
    const variable_list saved = context->get_saved_variables();
    const Known known{settings, saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]};
    const auto wants = [&](int which) {
      return settings.number[which] >= 0 && context->needs_input_grad(size_t(settings.number[which]));
    };
    const at::Tensor out = pixels(gradients[0]);
    if (wants(Settings::kBias) || wants(Settings::kImageBias)) {
      const at::Tensor of_images = of_image_bias(settings, out);
      if (wants(Settings::kBias)) to[Settings::kBias] = of_images.sum(0).to(at::kFloat);
      if (wants(Settings::kImageBias)) to[Settings::kImageBias] = of_images.to(at::kFloat);
    }
    if (wants(Settings::kWeight)) to[Settings::kWeight] = of_weight(known, saved[6], out);
    if (wants(Settings::kX) || wants(Settings::kNormWeight) || wants(Settings::kNormBias) ||
        wants(Settings::kModulation))
      of_input(known, out, wants, to);
    if (wants(Settings::kSkip)) to[Settings::kSkip] = of_skip(settings, gradients[0]);
    return to;
  }
};

at::Tensor fused(const Filter& filter, int64_t size, const at::Tensor& weight, const at::Tensor& bias,
                 const FusedConvolution& with) {
  Stop::current().check();
  const auto settings = c10::make_intrusive<Settings>();
  settings->filter = filter;
  settings->size = size;
  settings->activation = with.activation;
  settings->modulated = with.modulation.defined();
  settings->kept_factor = with.kept_factor;
  settings->resample = with.resample;
  settings->skip_resample = with.skip_resample;
  settings->factor = with.factor;
  settings->precision = with.precision;
  const GroupNorm none;
  const GroupNorm& norm = with.norm ? *with.norm : none;
  if (with.norm) {
    settings->groups = norm.groups;
    settings->epsilon = norm.epsilon;
  }
  const at::Tensor* const all[] = {&with.x, &norm.weight, &norm.bias,       &with.modulation,
                                   &weight, &bias,        &with.image_bias, &with.skip};
  int64_t number = 0;
  for (int i = 0; i < Settings::kAll; ++i) settings->number[i] = all[i]->defined() ? number++ : -1;
  return Fused::apply(with.x, given(norm.weight), given(norm.bias), given(with.modulation), weight, bias,
                      given(with.image_bias), given(with.skip), given(with.kept), settings);
}

}  // namespace

bool can_be_fused(const Conv& layer) {
  const int64_t size = layer.weight.size(2);
  return (size == 1 || size == 3) && layer.stride == 1 && layer.dilation == 1 && layer.padding == size / 2;
}

at::Tensor fused_convolution(const Conv& layer, const FusedConvolution& with) {
  return fused(layer.filter(), layer.weight.size(2), layer.weight, layer.bias, with);
}

at::Tensor fused_convolution(const Nin& layer, const FusedConvolution& with) {
  return fused(layer.filter(), 1, layer.W, layer.b, with);
}

}  // namespace pfgm::nn
