// Which items of the data a batch has, and what they are learned with.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "field/field.h"

namespace pfgm {

// Which batch of a run, from which of the data: the same for every flow.
struct BatchDraw {
  uint64_t seed = 0;
  uint64_t step = 0;         // which batch of the run
  int64_t sources = 512;     // items that are the references of a step: charges of its field
  int64_t perturbed = 128;   // the first of them, which are perturbed and learned from
  bool whole_data = false;   // every item of the data is a reference, also mirrored where images are mirrored
  bool mirror = false;       // flip each image left to right with probability 1/2
  at::Tensor labels;         // [items] int64 on the host: the class of each; undefined where they have none
  double label_dropout = 0;  // share of the perturbed items that are learned from as if of no class
};

struct Items {
  at::Tensor values;  // [wanted, ...] as the data has them: all references, or the perturbed ones alone
  std::vector<int64_t> places;  // where they are in the data; a mirrored one is its count higher
  at::Tensor labels;  // [perturbed] int64, kNoLabel where it is dropped; undefined where they have none
};

// Items of batch `step` of an endless shuffle of the data [items, ...] (every item once an epoch), a function
// of (seed, step) alone.
Items batch_items(const at::Tensor& data, const BatchDraw& draw);

// What `learned` makes of references and the perturbed items, whose places in the batch it gets: a row each.
// The references are all that the batch has; with labels those of an item's class alone, but for items whose
// label is dropped.
using Learned = std::function<at::Tensor(const FieldSources& references, const at::Tensor& rows)>;
at::Tensor learned_from_references(const at::Tensor& data, const Items& items, const BatchDraw& draw,
                                   const Learned& learned);

}  // namespace pfgm
