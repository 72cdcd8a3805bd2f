// The field's tile code with a thread a warp, for ThreadSanitizer: a barrier that is missing is a data race
// here. Also compares one split of the sources with three.
#include <barrier>
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "cuda/field_merge.h"
#include "cuda/field_screen.h"
#include "cuda/field_sums.h"
#include "cuda/host_block.h"

namespace pfgm::cuda {
namespace {

// What one warp's thread sees of its block.
class WarpThread {
 public:
  using Warp = HostWarp;

  template <class T>
  struct Warps {
    T own;
    T& operator[](int) { return own; }
  };

  WarpThread(int index, std::barrier<>& all) : index_(index), all_(all) {}

  template <class Body>
  void warps(Body body) {
    body(HostWarp{index_, &exact_sides_});
  }
  template <class Body>
  void threads(Body body) {
    for (int lane = 0; lane < kLanes; ++lane) body(index_ * kLanes + lane);
  }
  void barrier() { all_.arrive_and_wait(); }

  // A copy may write from now until it is awaited: here it does at both ends.
  template <int kWidth>
  void copy(float* to, const float* from, bool there) {
    for (int i = 0; i < kWidth; ++i) to[i] = 0;
    copies_.copy<kWidth>(to, from, there);
  }
  void commit_copies() { copies_.commit_copies(); }
  template <int kPending>
  void await_copies() {
    copies_.await_copies<kPending>();
  }

  int lowest_bit(uint64_t bits) const { return copies_.lowest_bit(bits); }

 private:
  int index_;
  std::barrier<>& all_;
  int64_t exact_sides_ = 0;
  HostBlock copies_;
};

template <class Body>
void run_block(Body body) {
  std::barrier<> all(kWarps);
  std::vector<std::thread> threads;
  for (int warp = 0; warp < kWarps; ++warp)
    threads.emplace_back([&, warp] {
      WarpThread block(warp, all);
      body(block);
    });
  for (std::thread& thread : threads) thread.join();
}

std::vector<float> targets(int64_t splits) {
  constexpr int64_t kSourceCount = 333, kCount = 18, kDimensions = 130;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> sources(kSourceCount * kDimensions), x(kCount * kDimensions), z(kCount);
  for (float& value : sources) value = normal(random);
  for (int64_t q = 0; q < kCount; ++q) {
    z[q] = 0.01f * std::exp2(float(q));
    for (int64_t c = 0; c < kDimensions; ++c)
      x[q * kDimensions + c] = sources[q * kDimensions + c] + z[q] * normal(random);
  }
  std::vector<float> centre(kDimensions), target(kCount * (kDimensions + 1));
  std::vector<double> nearby(kCount), weighted(splits * kCount * kDimensions);
  std::vector<double> minima(splits * kCount), weights(splits * kCount);
  std::vector<int64_t> order(kCount);
  for (int64_t q = 0; q < kCount; ++q) order[q] = q;

  FieldProblem problem{};
  problem.sources = sources.data();
  problem.x = x.data();
  problem.z = z.data();
  problem.source_count = kSourceCount;
  problem.count = kCount;
  problem.dimensions = kDimensions;
  problem.gamma = 5;
  problem.reach = reach(kDimensions);
  problem.splits = splits;
  problem.sources_a_split = (kSourceCount / kSources / splits + 1) * kSources;
  problem.centre = centre.data();
  problem.nearby = nearby.data();
  problem.weighted = weighted.data();
  problem.minima = minima.data();
  problem.weights = weights.data();
  problem.order = order.data();
  problem.target = target.data();

  for (int64_t c = 0; c < kDimensions; ++c) centre[c] = centre_coordinate(problem, c);
  int64_t sides = 0;
  HostWarp warp{0, &sides};
  for (int64_t q = 0; q < kCount; ++q) nearby_row(warp, problem, q);
  for (int64_t tile = 0; tile * kQueries < kCount; ++tile)
    for (int64_t split = 0; split < splits; ++split) {
      FieldShared shared;
      run_block([&](WarpThread& block) { sum_split(block, problem, tile, split, shared); });
    }
  for (int64_t q = 0; q < kCount; ++q) {
    MergeShared shared;
    run_block([&](WarpThread& block) { merge_splits(block, problem, q, shared); });
  }
  return target;
}

}  // namespace
}  // namespace pfgm::cuda

int main() {
  const std::vector<float> one = pfgm::cuda::targets(1), three = pfgm::cuda::targets(3);
  for (size_t i = 0; i < one.size(); ++i)
    if (!(std::abs(one[i] - three[i]) <= 1e-6f)) {
      std::printf("number %zu: %g by one split, %g by three\n", i, double(one[i]), double(three[i]));
      return 1;
    }
  return 0;
}
