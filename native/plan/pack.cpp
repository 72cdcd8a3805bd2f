#include "plan/pack.h"

#include <array>
#include <cmath>

namespace pfgm::plan {
namespace {

// The filter's side of Winograd's transforms: [numbers along a tile][3].
std::vector<std::array<double, 3>> filter_side(Form form) {
  if (form == Form::kTwo) return {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  // The powers of a point over the product of its distances to the other ones.
  std::vector<std::array<double, 3>> rows = {{1, 0, 0}};
  for (const double square : {0.5, 2.0})
    for (const double sign : {1.0, -1.0}) {
      const double point = sign * std::sqrt(square), over = 2 * square * (square - 1 / square);
      rows.push_back({1 / over, point / over, square / over});
    }
  rows.push_back({0, 0, 1});
  return rows;
}

}  // namespace

Packing::Packing(Form form, int64_t first_inputs, int64_t second_inputs, int64_t outputs)
    : form_(form),
      first_inputs_(first_inputs),
      depth_(second_inputs ? padded(first_inputs) + second_inputs : first_inputs),
      outputs_(padded(outputs)) {
  const int64_t numbers = form == Form::kFour ? 36 : form == Form::kTwo ? 16 : 1;
  weights_.resize(numbers * outputs_ * depth_);
  bias_.resize(outputs_);
}

void Packing::add(const Filter& filter, int64_t first) {
  const std::vector<std::array<double, 3>> side =
      form_ == Form::kOne ? std::vector<std::array<double, 3>>{} : filter_side(form_);
  const int64_t along = int64_t(side.size());
  for (int64_t output = 0; output < filter.outputs; ++output) {
    const int64_t channel = first + output;
    if (filter.bias) bias_[channel] += filter.bias[output * filter.bias_pitch];
    for (int64_t input = 0; input < filter.inputs; ++input) {
      const int64_t row = input < first_inputs_ ? input : padded(first_inputs_) + input - first_inputs_;
      const float* from = filter.weights + output * filter.output_pitch + input * filter.input_pitch;
      const auto to = [&](int64_t number) -> float& {
        return weights_[((number * (outputs_ / kPanel) + channel / kPanel) * depth_ + row) * kPanel +
                        channel % kPanel];
      };
      if (form_ == Form::kOne) {
        to(0) = *from;
        continue;
      }
      for (int64_t y = 0; y < along; ++y) {
        double across[3];
        for (int64_t x = 0; x < 3; ++x) {
          across[x] = 0;
          for (int64_t k = 0; k < 3; ++k)
            across[x] += side[y][k] * double(from[k * filter.row_pitch + x * filter.column_pitch]);
        }
        for (int64_t x = 0; x < along; ++x)
          to(y * along + x) = float(across[0] * side[x][0] + across[1] * side[x][1] + across[2] * side[x][2]);
      }
    }
  }
}

Form form_of(int64_t kernel, int64_t height, int64_t width, int64_t inputs, int64_t outputs) {
  if (kernel == 1) return Form::kOne;
  const auto tiles = [&](int64_t size) { return ((height + size - 1) / size) * ((width + size - 1) / size); };
  // One tile an image reads each weight for few products: the fewer weights are the faster then.
  if (tiles(4) == 1 && inputs * outputs >= 256 * 256) return Form::kTwo;
  return tiles(4) * 36 * 1.5 <= double(tiles(2) * 16) ? Form::kFour : Form::kTwo;
}

}  // namespace pfgm::plan
