#include "train/epoch_order.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <numeric>
#include <tuple>
#include <utility>

#include "random/philox.h"

namespace pfgm {
namespace {

// A run needs one at a time, and another where a batch lies across the end of an epoch.
constexpr size_t kKept = 2;

using Key = std::tuple<uint64_t, uint64_t, int64_t>;  // seed, epoch, count

// The newest first. Never destroyed: a device's thread may use them while the process ends.
struct Kept {
  std::mutex mutex;
  std::list<std::pair<Key, EpochOrder>> orders;
};

Kept& kept() {
  static auto* one = new Kept;
  return *one;
}

EpochOrder find(const Key& key) {
  std::lock_guard<std::mutex> lock(kept().mutex);
  auto& orders = kept().orders;
  const auto found =
      std::find_if(orders.begin(), orders.end(), [&](const auto& order) { return order.first == key; });
  if (found == orders.end()) return nullptr;
  orders.splice(orders.begin(), orders, found);
  return found->second;
}

void keep(const Key& key, const EpochOrder& order) {
  std::lock_guard<std::mutex> lock(kept().mutex);
  kept().orders.emplace_front(key, order);
  if (kept().orders.size() > kKept) kept().orders.pop_back();
}

// By Fisher and Yates.
EpochOrder shuffled(uint64_t seed, uint64_t epoch, int64_t count) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const Philox random(seed, (uint64_t(Purpose::kBatch) << 48) | epoch);
  for (int64_t i = count - 1; i > 0; --i)
    std::swap(order[i], order[random.below(uint64_t(i), uint64_t(i) + 1)]);
  return std::make_shared<const std::vector<int64_t>>(std::move(order));
}

}  // namespace

EpochOrder epoch_order(uint64_t seed, uint64_t epoch, int64_t count) {
  const Key key{seed, epoch, count};
  if (EpochOrder order = find(key)) return order;
  // Not under the lock: two threads may shuffle the same epoch, none waits for another.
  const EpochOrder order = shuffled(seed, epoch, count);
  keep(key, order);
  return order;
}

}  // namespace pfgm
