#include "plan/pack.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace pfgm::plan {

void Packing::begin(Form form, Precision precision, int64_t first_inputs, int64_t second_inputs,
                    int64_t outputs) {
  form_ = form;
  precision_ = precision;
  first_inputs_ = first_inputs;
  depth_ = second_inputs ? padded(first_inputs) + second_inputs : first_inputs;
  const int64_t panels = padded(outputs) / kPanel, all = numbers_of(form) * panels;
  const int64_t rows = packed_rows(precision, depth_);
  weights_ = memory_.of(all * rows * kPanel);
  bias_.assign(panels * kPanel, 0);
  // Zeros for the padding behind each image's channels; all else is filled in.
  const int64_t together = precision == Precision::kBfloat16 ? 2 : 1;
  const auto pad = [&](int64_t inputs, int64_t end) {
    const int64_t first = (inputs + together - 1) / together;
    for (int64_t i = 0; first < end && i < all; ++i)
      std::fill_n(weights_ + (i * rows + first) * kPanel, (end - first) * kPanel, 0.0f);
  };
  if (second_inputs) pad(first_inputs, padded(first_inputs) / together);
  pad(depth_, rows);
}

void Packing::add(const Kernel& kernel, const Filter& filter, int64_t first) {
  if (filter.bias)
    for (int64_t i = 0; i < filter.outputs; ++i) bias_[first + i] += filter.bias[i * filter.bias_pitch];
  const Packed to{precision_, weights_, int64_t(bias_.size()) / kPanel, depth_, first_inputs_};
  at::parallel_for(0, padded(filter.outputs) / kPanel, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel)
      kernel.pack(form_, filter, panel, to, first / kPanel + panel);
  });
}

Form form_of(int64_t kernel, int64_t height, int64_t width, int64_t inputs, int64_t outputs,
             Precision precision) {
  if (kernel == 1) return Form::kOne;
  // Rounding shows three times as much through F(4x4) as through F(2x2).
  if (precision == Precision::kBfloat16) return Form::kTwo;
  const auto tiles = [&](int64_t size) { return ((height + size - 1) / size) * ((width + size - 1) / size); };
  // One tile an image reads each weight for few products: the fewer weights are the faster then.
  if (tiles(4) == 1 && inputs * outputs >= 256 * 256) return Form::kTwo;
  return tiles(4) * 36 * 1.5 <= double(tiles(2) * 16) ? Form::kFour : Form::kTwo;
}

Precision precision_of(Precision asked, int64_t inputs, int64_t outputs) {
  return std::min(inputs, outputs) > kPanel ? asked : Precision::kFloat32;
}

}  // namespace pfgm::plan
