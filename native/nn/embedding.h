// How a network is told its noise: waves of the noise's number and the label, through two layers.
#pragma once

#include "nn/layers.h"

namespace pfgm::nn {

struct Embedding {
  // Of float32 z [b] and labels [b] int64 or none: [b, ..], as layers take it.
  at::Tensor operator()(const at::Tensor& z, const at::Tensor& labels) const;

  // The waves of one z, and what its label adds to them; `labels` if that adds to the second layer instead.
  void waves(float z, int64_t label, float* to) const;
  void label(int64_t label, float* to) const;
  int64_t wave_count() const { return 2 * frequencies.size(0); }

  at::Tensor frequencies;  // the number, or its logarithm, times these are the phases
  double before = 1;       // of the frequencies
  double after = 1;        // of the phases
  bool logarithm = false;
  bool cosines_first = false;

  int64_t classes = 0;
  at::Tensor label_weight;   // [.., classes], where there are classes
  at::Tensor label_bias;     // [..] or none
  double label_scale = 1;    // of a label's one
  bool labels_last = false;  // added to the second layer rather than to the waves

  Linear layer_0, layer_1;
  plan::Activation activation = plan::Activation::kSilu;  // behind each of the two
};

}  // namespace pfgm::nn
