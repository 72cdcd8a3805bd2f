// A layer's weights as products take them, for one instruction set.
#pragma once

#include "plan/forms.h"

namespace pfgm::plan {
namespace {

// A panel of a filter's outputs, which become panel `to_panel` of what is packed. In float64: what is
// transformed once is used many times.
template <class F>
void pack_panel(const Filter& filter, int64_t panel, const Packed& to, int64_t to_panel) {
  constexpr int kIn = F::kIn, kSize = F::kSize;
  for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
    const int64_t first = panel * kPanel + lane;
    const int64_t count = std::clamp<int64_t>(filter.outputs - first, 0, kLanes);
    for (int64_t input = 0; input < filter.inputs; ++input) {
      const int64_t row = input < to.first_inputs ? input : padded(to.first_inputs) + input - to.first_inputs;
      Wide taps[kSize][kSize] = {};
      const float* const from = filter.weights + first * filter.output_pitch + input * filter.input_pitch;
      for (int y = 0; y < kSize; ++y)
        for (int x = 0; x < kSize; ++x)
          for (int64_t i = 0; i < count; ++i)
            taps[y][x][i] =
                double(from[i * filter.output_pitch + y * filter.row_pitch + x * filter.column_pitch]);
      for (int y = 0; y < kIn; ++y) {
        Wide across[kSize] = {};
        for (int x = 0; x < kSize; ++x)
          for (int k = 0; k < kSize; ++k) across[x] += taps[k][x] * F::kFilter[y][k];
        for (int x = 0; x < kIn; ++x) {
          Wide value{};
          for (int k = 0; k < kSize; ++k) value += across[k] * F::kFilter[x][k];
          store(to.weights + (((y * kIn + x) * to.panels + to_panel) * to.depth + row) * kPanel + lane,
                __builtin_convertvector(value, Lanes));
        }
      }
    }
  }
}

inline void pack(Form form, const Filter& filter, int64_t panel, const Packed& to, int64_t to_panel) {
  with_form(form, [&](auto one) { pack_panel<decltype(one)>(filter, panel, to, to_panel); });
}

}  // namespace
}  // namespace pfgm::plan
