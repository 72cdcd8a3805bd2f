#include "train/items.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <set>
#include <string>

#include "nn/network.h"
#include "random/philox.h"
#include "runtime/error.h"
#include "train/epoch_order.h"

namespace pfgm {
namespace {

// Items step * wanted … of the endless sequence of shuffled epochs.
std::vector<int64_t> chosen_places(const BatchDraw& draw, int64_t wanted, int64_t count) {
  std::vector<int64_t> places;
  places.reserve(wanted);
  uint64_t position = draw.step * uint64_t(wanted);
  while (int64_t(places.size()) < wanted) {
    const uint64_t first = position % uint64_t(count);
    const EpochOrder order = epoch_order(draw.seed, position / uint64_t(count), count);
    const uint64_t taken = std::min(uint64_t(wanted) - places.size(), uint64_t(count) - first);
    places.insert(places.end(), order->begin() + first, order->begin() + first + taken);
    position += taken;
  }
  return places;
}

// The classes of the perturbed items, some of them dropped.
at::Tensor kept_labels(const BatchDraw& draw, const std::vector<int64_t>& places, int64_t count) {
  if (draw.labels.scalar_type() != at::kLong || draw.labels.numel() != count)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected an int64 label for each of " + std::to_string(count) + " items");
  const Philox random(draw.seed, (uint64_t(Purpose::kLabelDropout) << 48) | draw.step);
  at::Tensor labels = at::empty({draw.perturbed}, at::kLong);
  for (int64_t i = 0; i < draw.perturbed; ++i) {
    double uniform[4];
    random.uniforms(uint64_t(i), uniform);
    const bool dropped = uniform[0] < draw.label_dropout;
    labels.mutable_data_ptr<int64_t>()[i] =
        dropped ? kNoLabel : draw.labels.const_data_ptr<int64_t>()[places[i] % count];
  }
  return labels;
}

}  // namespace

Items batch_items(const at::Tensor& data, const BatchDraw& draw) {
  const int64_t count = data.size(0);
  if (count < 1 || data.numel() == 0) throw Error("ERR_PFGM_ARGUMENT", "Expected data of at least one item");
  if (draw.sources < 1 || draw.perturbed < 1 || draw.perturbed > draw.sources)
    throw Error("ERR_PFGM_ARGUMENT", "Expected perturbed to be from 1 to sources");
  const int64_t wanted = draw.whole_data ? draw.perturbed : draw.sources;
  Items items;
  items.places = chosen_places(draw, wanted, count);
  items.values = data.index_select(0, at::tensor(items.places, at::kLong).to(data.device()));
  if (draw.mirror && items.values.dim() == 4) {
    const Philox random(draw.seed, (uint64_t(Purpose::kMirror) << 48) | draw.step);
    std::vector<int64_t> flips(wanted);
    uint32_t raw[4];
    for (int64_t i = 0; i < wanted; ++i) {
      random.bits(uint64_t(i), raw);
      flips[i] = raw[0] & 1;
      if (flips[i]) items.places[i] += count;
    }
    const at::Tensor flipped = at::tensor(flips, at::kLong).to(data.device(), at::kBool).view({-1, 1, 1, 1});
    items.values = at::where(flipped, items.values.flip({3}), items.values);
  }
  if (draw.labels.defined()) items.labels = kept_labels(draw, items.places, count);
  return items;
}

at::Tensor learned_from_references(const at::Tensor& data, const Items& items, const BatchDraw& draw,
                                   const Learned& learned) {
  const at::Tensor all = at::arange(draw.perturbed, at::kLong);
  const bool whole = draw.whole_data;
  const FieldSources everything =
      whole ? FieldSources{data, draw.mirror, items.places} : FieldSources{items.values, false, {}};
  if (!items.labels.defined()) return learned(everything, all);
  const int64_t count = data.size(0);
  const at::Tensor classes =
      whole ? draw.labels : draw.labels.index_select(0, at::tensor(items.places, at::kLong).remainder(count));
  std::vector<at::Tensor> places, parts;
  for (const int64_t label : std::set<int64_t>(items.labels.const_data_ptr<int64_t>(),
                                               items.labels.const_data_ptr<int64_t>() + draw.perturbed)) {
    const at::Tensor rows = items.labels.eq(label).nonzero().squeeze(1);
    FieldSources own = everything;
    if (label != kNoLabel) {
      const at::Tensor members = classes.eq(label).nonzero().squeeze(1);
      own = {
          everything.items.index_select(0, members.to(everything.items.device())), everything.mirrored, {}};
    } else if (whole) {
      own.guesses.clear();
      for (int64_t i = 0; i < rows.numel(); ++i)
        own.guesses.push_back(items.places[rows.const_data_ptr<int64_t>()[i]]);
    }
    places.push_back(rows);
    parts.push_back(learned(own, rows));
  }
  const at::Tensor found = at::cat(parts);
  return at::empty_like(found).index_copy(0, at::cat(places).to(found.device()), found);
}

}  // namespace pfgm
