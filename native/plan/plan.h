// A network as a flat list of steps over one piece of memory that is there beforehand.
#pragma once

#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

#include "plan/kernel.h"
#include "plan/pack.h"
#include "plan/scratch.h"

namespace pfgm::plan {

// What a step gives: an image of every image, or numbers of every row, a row being what several images may
// share.
using Value = int64_t;
constexpr Value kNone = -1;

// A convolution as it is planned. What is given by rows are channels of the plan's modulation.
struct Layer {
  Value in[2] = {kNone, kNone};
  Normalisation norm;       // its scale and shift are left out:
  int64_t norm_scale = -1;  // the channel of the modulation at which the scale begins, less one
  int64_t norm_shift = -1;
  Activation activation = Activation::kNone;
  Resample resample = Resample::kNone;
  int64_t outputs = 0;
  int64_t image_bias = -1;
  Value skip = kNone;
  Resample skip_resample = Resample::kNone;
  float factor = 1;
};

class Plan {
 public:
  // precision: of the products of images.
  Plan(const Kernel& kernel, Precision precision) : kernel_(kernel), precision_(precision) {}

  // What is filled in before the steps.
  Value rows(int64_t channels);
  Value image(int64_t channels, int64_t height, int64_t width);
  // Steps run in the order in which they are added, those of rows before those of images.
  Value convolve(const Layer& layer, Packing weights);
  // As many taps as pixels come out. Of the layer, what is read, skip and factor count.
  Value resample(const Layer& layer, std::vector<Tap> rows, std::vector<Tap> columns);
  // in: query, key and value beside each other, each padded by itself; width: of a head.
  Value attend(Value in, int64_t channels, int64_t heads, float scale);
  // The numbers of rows that layers name channels of.
  void set_modulation(Value rows) { modulation_ = rows; }
  // Ends with what is read. Values that no later step reads make room for others.
  void finish(Value out);

  const Kernel& kernel() const { return kernel_; }
  Precision precision() const { return precision_; }
  int64_t channels(Value value) const { return values_[value].count; }
  int64_t height(Value value) const { return values_[value].height; }
  int64_t width(Value value) const { return values_[value].width; }

  // Fills in a value of an image or row, whose padding is zeros already; reads one.
  using Fill = std::function<void(Value, int64_t item, float* to)>;
  using Read = std::function<void(int64_t item, const float* from, int64_t pitch)>;
  // row_of: [images], below `rows`.
  void run(int64_t images, int64_t rows, const int32_t* row_of, const Fill& fill, const Read& read);

  // Images that are worth being together.
  int64_t batch() const;

 private:
  struct Held {
    int64_t count, channels, height, width;
    bool of_rows;
    int64_t parts = 0;   // of its sums; 0: nobody asks for them
    int64_t made = -1;   // by this step; -1: filled in
    int64_t read = -1;   // by this step last
    int64_t offset = 0;  // where it lies in the memory of an item
    int64_t pixels() const { return height * width * channels; }
    int64_t size() const { return pixels() + parts * 4 * channels; }  // in floats; sums are doubles
  };
  struct Convolving {
    Layer layer;
    Packing weights;
    Value out;
  };
  struct Resampled {
    Layer layer;
    std::vector<Tap> rows, columns;
    Value out;
  };
  struct Attending {
    Value in, out;
    int64_t heads, width;
    float scale;
  };
  struct Steps {
    std::vector<std::variant<Convolving, Resampled, Attending>> list;
    int64_t floats = 0;  // of an item
  };

  Value add(int64_t count, int64_t channels, int64_t height, int64_t width, bool of_rows);
  void reads(const Layer& layer);
  Input input_of(const Layer& layer);
  float* at(Value value);
  Image image_at(Value value);
  Steps& steps(Value value) { return values_[value].of_rows ? row_steps_ : image_steps_; }
  void run(const Convolving& step);
  void run(const Resampled& step);
  void run(const Attending& step);

  const Kernel& kernel_;
  const Precision precision_;
  std::vector<Held> values_;
  Steps row_steps_, image_steps_;
  Value modulation_ = kNone, out_ = kNone;
  // Of this run.
  int64_t images_ = 0, rows_ = 0;
  const int32_t* row_of_ = nullptr;
  float* base_ = nullptr;
  Scratch memory_;
};

}  // namespace pfgm::plan
