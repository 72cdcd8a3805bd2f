// A layer's weights as products take them, for one instruction set.
#pragma once

#include "plan/forms.h"
#include "plan/numbers.h"

namespace pfgm::plan {
namespace {

// A panel of a filter's outputs, which become panel `to_panel` of what is packed. In float64: what is
// transformed once is used many times.
template <class F, class N>
void pack_panel(const Filter& filter, int64_t panel, const Packed& to, int64_t to_panel) {
  constexpr int kIn = F::kIn, kSize = F::kSize;
  // The numbers of a filter lie far apart, often all in one set of the cache: some inputs' go out together.
  constexpr int64_t kTogether = 8;
  static_assert(kTogether % N::kTogether == 0);
  float packed[kIn * kIn][kTogether][kPanel];
  typename N::Weight* const packed_to = static_cast<typename N::Weight*>(to.weights);
  const int64_t rows = packed_rows(N::kPrecision, to.depth);
  const int64_t first = panel * kPanel, count = std::clamp<int64_t>(filter.outputs - first, 0, kPanel);
  const float* const weights = filter.weights + first * filter.output_pitch;
  // Inputs of one image, whose rows lie one after another.
  const auto some = [&](int64_t begin, int64_t end, int64_t row) {
    for (int64_t input = begin; input < end; ++input) {
      float outputs[kSize][kSize][kPanel] = {};
      const float* const from = weights + input * filter.input_pitch;
      for (int64_t i = 0; i < count; ++i)
        for (int y = 0; y < kSize; ++y)
          for (int x = 0; x < kSize; ++x)
            outputs[y][x][i] = from[i * filter.output_pitch + y * filter.row_pitch + x * filter.column_pitch];
      for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
        Wide taps[kSize][kSize];
        for (int y = 0; y < kSize; ++y)
          for (int x = 0; x < kSize; ++x)
            taps[y][x] = __builtin_convertvector(load(outputs[y][x] + lane), Wide);
        Wide numbers[kIn][kIn];
        both_ways(F::template filter<Wide>, taps, numbers);
        for (int y = 0; y < kIn; ++y)
          for (int x = 0; x < kIn; ++x)
            store(packed[y * kIn + x][input - begin] + lane, __builtin_convertvector(numbers[y][x], Lanes));
      }
    }
    // What is left over is packed with zeros.
    if ((end - begin) % N::kTogether != 0)
      for (auto& number : packed) std::memset(number[end - begin], 0, sizeof number[0]);
    for (int number = 0; number < kIn * kIn; ++number)
      for (int64_t i = 0; i < end - begin; i += N::kTogether)
        N::pack(packed[number][i], kPanel,
                packed_to + ((number * to.panels + to_panel) * rows + (row + i) / N::kTogether) * kPanel);
  };
  for (int64_t input = 0; input < filter.inputs;) {
    const bool second = input >= to.first_inputs;
    const int64_t end =
        std::min(input + kTogether, second ? filter.inputs : std::min(filter.inputs, to.first_inputs));
    some(input, end, second ? padded(to.first_inputs) + input - to.first_inputs : input);
    input = end;
  }
}

inline void pack(Form form, const Filter& filter, int64_t panel, const Packed& to, int64_t to_panel) {
  with_form(form, [&](auto one) {
    with_numbers(to.precision, [&](auto numbers) {
      pack_panel<decltype(one), decltype(numbers)>(filter, panel, to, to_panel);
    });
  });
}

}  // namespace
}  // namespace pfgm::plan
