// The order in which the items of one epoch come.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace pfgm {

using EpochOrder = std::shared_ptr<const std::vector<int64_t>>;

// A shuffled order of `count` items, a function of the three. The newest orders are kept, for whatever
// threads, as every batch of an epoch needs its order.
EpochOrder epoch_order(uint64_t seed, uint64_t epoch, int64_t count);

}  // namespace pfgm
