// A layer's weights as the products of a plan take them.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/kernel.h"
#include "plan/scratch.h"

namespace pfgm::plan {

// Filters of the same input side by side.
class Packing {
 public:
  Packing() = default;
  Packing(Form form, Precision precision, int64_t first_inputs, int64_t second_inputs, int64_t outputs) {
    begin(form, precision, first_inputs, second_inputs, outputs);
  }

  // Begins anew, in the same memory where it is enough. first_inputs: of the first of one or two images.
  void begin(Form form, Precision precision, int64_t first_inputs, int64_t second_inputs, int64_t outputs);

  // With its outputs from channel `first` on, which begins a panel.
  void add(const Kernel& kernel, const Filter& filter, int64_t first);

  Form form() const { return form_; }
  Precision precision() const { return precision_; }
  int64_t depth() const { return depth_; }
  const void* weights() const { return weights_; }
  const float* bias() const { return bias_.data(); }

 private:
  Form form_ = Form::kOne;
  Precision precision_ = Precision::kFloat32;
  int64_t first_inputs_ = 0, depth_ = 0;
  Scratch memory_;
  float* weights_ = nullptr;
  std::vector<float> bias_;
};

// How the convolution of such images is multiplied out: a rule of its shape alone, so that its bits depend on
// nothing else. docs/notes/plan.md has the measurements
// behind it.
Form form_of(int64_t kernel, int64_t height, int64_t width, int64_t inputs, int64_t outputs,
             Precision precision);

// What its products are rounded to where so much is asked for, likewise: those with an image's few channels
// are cheap, and rounding shows.
Precision precision_of(Precision asked, int64_t inputs, int64_t outputs);

}  // namespace pfgm::plan
