// Products of matrices: the one loop in which nearly all of a plan's time goes by.
#pragma once

#include "plan/lanes.h"
#include "plan/step.h"

namespace pfgm::plan {
namespace {

// As many sums as an instruction set has registers for.
#if defined(__AVX512F__)
constexpr int kRows = 12, kPanels = 2;
#elif defined(__AVX2__)
constexpr int kRows = 6, kPanels = 1;
#else
constexpr int kRows = 4, kPanels = 1;
#endif

// Matrices as product() takes them.
struct Factor {
  const float* values;
  int64_t pitch;     // from row to row
  int64_t step = 1;  // from number to number of a row
};
struct Panels {
  const float* values;
  int64_t pitch;  // from row to row of a panel
  int64_t apart;  // from panel to panel
};
struct Product {
  float* values;
  int64_t pitch;
  bool joins = false;  // what is there already
};

// Numbers that are summed before they join the sum of those before them: rounding grows with the root of a
// sum's length.
constexpr int64_t kRun = 16;

template <int R, int P>
inline void block(int64_t depth, Factor a, Panels b, Product c) {
  constexpr int kEach = kPanel / kLanes, V = P * kEach;
  int64_t k = 0;
  do {
    Lanes sum[R][V] = {};
    for (const int64_t end = std::min(k + kRun, depth); k < end; ++k) {
      Lanes row[V];
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v)
        row[v] = load(b.values + (v / kEach) * b.apart + k * b.pitch + (v % kEach) * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const float value = a.values[r * a.pitch + k * a.step];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] += row[v] * value;
      }
    }
    const bool first = k <= kRun && !c.joins;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        float* const to = c.values + r * c.pitch + v * kLanes;
        store(to, first ? sum[r][v] : load(to) + sum[r][v]);
      }
  } while (k < depth);
}

// The rows that are left over, R or fewer of them.
template <int R, int P>
inline void rest(int64_t rows, int64_t depth, Factor a, Panels b, Product c) {
  if constexpr (R > 0) {
    if (rows == R) return block<R, P>(depth, a, b, c);
    rest<R - 1, P>(rows, depth, a, b, c);
  }
}

template <int P>
inline void all_rows(int64_t rows, int64_t depth, Factor a, Panels b, Product c) {
  for (; rows >= kRows; rows -= kRows) {
    block<kRows, P>(depth, a, b, c);
    a.values += kRows * a.pitch;
    c.values += kRows * c.pitch;
  }
  rest<kRows - 1, P>(rows, depth, a, b, c);
}

// c [rows, panels * kPanel] = a [rows, depth] b [depth, panels * kPanel], or joins it. Every number is summed
// in the order of depth, however many rows and panels there are.
inline void product(int64_t rows, int64_t panels, int64_t depth, Factor a, Panels b, Product c) {
  constexpr int kWide = 4;  // panels at once of so few rows that their sums would wait for each other
  int64_t p = 0;
  const auto at = [&](int64_t panel, int64_t wide, auto run) {
    run(Panels{b.values + panel * b.apart, b.pitch, b.apart},
        Product{c.values + panel * kPanel, c.pitch, c.joins});
    p += wide;
  };
  if (rows < 3)
    while (p + kWide <= panels)
      at(p, kWide, [&](Panels b, Product c) { rest<2, kWide>(rows, depth, a, b, c); });
  while (p + kPanels <= panels)
    at(p, kPanels, [&](Panels b, Product c) { all_rows<kPanels>(rows, depth, a, b, c); });
  while (p < panels) at(p, 1, [&](Panels b, Product c) { all_rows<1>(rows, depth, a, b, c); });
}

}  // namespace
}  // namespace pfgm::plan
