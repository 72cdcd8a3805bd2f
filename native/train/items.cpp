#include "train/items.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>

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
  return items;
}

}  // namespace pfgm
