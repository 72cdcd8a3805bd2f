// A layer's weights as the products of a plan take them.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/step.h"

namespace pfgm::plan {

// Weights where they lie: of an output, an input, a row and a column of the filter; and an output's bias, if
// any.
struct Filter {
  const float* weights;
  int64_t outputs, inputs;
  int64_t output_pitch, input_pitch;
  int64_t row_pitch = 0, column_pitch = 0;
  const float* bias = nullptr;
  int64_t bias_pitch = 1;
};

// Filters of the same input side by side: [numbers of a tile, panels of outputs, depth, kPanel].
class Packing {
 public:
  // first_inputs: of the first of one or two images.
  Packing(Form form, int64_t first_inputs, int64_t second_inputs, int64_t outputs);

  // With its outputs from channel `first` on.
  void add(const Filter& filter, int64_t first);

  Form form() const { return form_; }
  int64_t depth() const { return depth_; }
  const float* weights() const { return weights_.data(); }
  const float* bias() const { return bias_.data(); }

 private:
  Form form_;
  int64_t first_inputs_, depth_, outputs_;
  std::vector<float> weights_, bias_;
};

// How the convolution of such images is multiplied out: a rule of its shape alone, so that its bits depend on
// nothing else. docs/notes/plan.md has the measurements behind it.
Form form_of(int64_t kernel, int64_t height, int64_t width, int64_t inputs, int64_t outputs);

}  // namespace pfgm::plan
