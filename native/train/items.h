// Which items of the data a batch has.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pfgm {

// Which batch of a run, from which of the data: the same for every flow.
struct BatchDraw {
  uint64_t seed = 0;
  uint64_t step = 0;        // which batch of the run
  int64_t sources = 512;    // items that are the references of a step: charges of its field
  int64_t perturbed = 128;  // the first of them, which are perturbed and learned from
  bool whole_data = false;  // every item of the data is a reference, also mirrored where images are mirrored
  bool mirror = false;      // flip each image left to right with probability 1/2
};

struct Items {
  at::Tensor values;  // [wanted, ...] as the data has them: all references, or the perturbed ones alone
  std::vector<int64_t> places;  // where they are in the data; a mirrored one is its count higher
};

// Items of batch `step` of an endless shuffle of the data [items, ...] (every item once an epoch), a function
// of (seed, step) alone.
Items batch_items(const at::Tensor& data, const BatchDraw& draw);

}  // namespace pfgm
