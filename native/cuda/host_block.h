// The host's stand-in for a block of a GPU's threads: lanes run one after another, collectives see all of
// them, and copies arrive only when they are awaited.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "cuda/block.h"

namespace pfgm::cuda {

// A sum as a tensor core makes it: terms are cut off 24 bits below the largest, and the sum at float32.
inline float truncated_sum(const std::array<double, 9>& terms) {
  double largest = 0, sum = 0;
  for (double term : terms) largest = std::max(largest, std::abs(term));
  if (!(largest > 0 && largest < INFINITY)) return float(terms[0] + terms[8]);
  const double unit = std::ldexp(1.0, std::ilogb(largest) - 23);
  for (double term : terms) sum += std::trunc(term / unit) * unit;
  const float rounded = float(sum);
  return std::abs(double(rounded)) > std::abs(sum) ? std::nextafterf(rounded, 0) : rounded;
}

struct HostWarp {
  int index;
  int64_t* exact_sides;

  template <class T>
  struct Lanes {
    std::array<T, kLanes> values;
    T& operator[](int lane) { return values[lane]; }
    const T& operator[](int lane) const { return values[lane]; }
  };

  template <class Body>
  void each(Body body) const {
    for (int lane = 0; lane < kLanes; ++lane) body(lane);
  }

  void count_side() const { ++*exact_sides; }

  // Every lane gets the combination of all within its group of `width`, by exchanges as on the device.
  template <class Combine>
  void exchange(Lanes<double>& value, int width, Combine combine) const {
    for (int mask = width / 2; mask > 0; mask /= 2) {
      const Lanes<double> before = value;
      each([&](int lane) { value[lane] = combine(before[lane], before[lane ^ mask]); });
    }
  }
  void sum(Lanes<double>& value) const { exchange(value, kLanes, std::plus<double>()); }
  void quad_sum(Lanes<double>& value) const { exchange(value, 4, std::plus<double>()); }
  void minimum(Lanes<double>& value) const {
    exchange(value, kLanes, [](double a, double b) { return fmin(a, b); });
  }
  void quad_minimum(Lanes<double>& value) const {
    exchange(value, 4, [](double a, double b) { return fmin(a, b); });
  }

  uint32_t ballot(const Lanes<bool>& flag) const {
    uint32_t bits = 0;
    each([&](int lane) { bits |= uint32_t(flag[lane]) << lane; });
    return bits;
  }
  bool any(const Lanes<bool>& flag) const { return ballot(flag) != 0; }

  // c += a b, by mma.m16n8k8's layout of fragments.
  void multiply(const Lanes<FragmentA>& a, const Lanes<FragmentB>& b, Lanes<FragmentC>& c) const {
    double rows[16][8], columns[8][8];
    each([&](int lane) {
      const int g = lane / 4, t = lane % 4;
      for (int i = 0; i < 4; ++i) rows[g + i % 2 * 8][t + i / 2 * 4] = double(a[lane].at[i]);
      for (int i = 0; i < 2; ++i) columns[g][t + i * 4] = double(b[lane].at[i]);
    });
    each([&](int lane) {
      for (int i = 0; i < 4; ++i) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        std::array<double, 9> terms;
        for (int k = 0; k < 8; ++k) terms[k] = rows[row][k] * columns[column][k];
        terms[8] = double(c[lane].at[i]);
        c[lane].at[i] = truncated_sum(terms);
      }
    });
  }
};

class HostBlock {
 public:
  using Warp = HostWarp;

  template <class T>
  struct Warps {
    std::array<T, kWarps> values;
    T& operator[](int warp) { return values[warp]; }
  };

  int64_t exact_sides = 0;  // how many groups of pairs took the exact pass

  template <class Body>
  void warps(Body body) {
    for (int warp = 0; warp < kWarps; ++warp) body(HostWarp{warp, &exact_sides});
  }
  template <class Body>
  void threads(Body body) {
    for (int thread = 0; thread < kThreads; ++thread) body(thread);
  }
  void barrier() {}

  template <int kWidth>
  void copy(float* to, const float* from, bool there) {
    open_.push_back({to, from, kWidth, there});
  }
  void commit_copies() {
    groups_.push_back(std::move(open_));
    open_.clear();
  }
  template <int kPending>
  void await_copies() {
    while (groups_.size() > kPending) {
      for (const Copy& copy : groups_.front())
        for (int i = 0; i < copy.width; ++i) copy.to[i] = copy.there ? copy.from[i] : 0.0f;
      groups_.erase(groups_.begin());
    }
  }

  int lowest_bit(uint64_t bits) const {
    int place = 0;
    while (!(bits >> place & 1)) ++place;
    return place;
  }

 private:
  struct Copy {
    float* to;
    const float* from;
    int width;
    bool there;
  };
  std::vector<Copy> open_;
  std::vector<std::vector<Copy>> groups_;
};

}  // namespace pfgm::cuda
