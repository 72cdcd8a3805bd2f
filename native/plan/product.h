// Products of matrices: the one loop in which nearly all of a plan's time goes by.
#pragma once

#include "plan/factors.h"
#include "plan/tiled_product.h"

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

template <int R, int P, class N>
inline void block(int64_t depth, Factor<N> a, Panels<N> b, Product c) {
  constexpr int kEach = kPanel / kLanes, V = P * kEach;
  constexpr int64_t kRun = N::kRun / N::kTogether;
  int64_t k = 0;
  do {
    Lanes sum[R][V] = {};
    for (const int64_t end = std::min(k + kRun, depth); k < end; ++k) {
#pragma GCC unroll 2
      for (int part = 0; part < N::kParts; ++part) {
        typename N::Row row[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v)
          row[v] = N::row(b.values + (v / kEach) * b.apart + k * b.pitch + (v % kEach) * kLanes, part);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const auto value = N::value(a.values + r * a.pitch + k * a.step, part);
#pragma GCC unroll 16
          for (int v = 0; v < V; ++v) sum[r][v] = N::add(sum[r][v], row[v], value);
        }
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
template <int R, int P, class N>
inline void rest(int64_t rows, int64_t depth, Factor<N> a, Panels<N> b, Product c) {
  if constexpr (R > 0) {
    if (rows == R) return block<R, P>(depth, a, b, c);
    rest<R - 1, P>(rows, depth, a, b, c);
  }
}

template <int P, class N>
inline void all_rows(int64_t rows, int64_t depth, Factor<N> a, Panels<N> b, Product c) {
  for (; rows >= kRows; rows -= kRows) {
    block<kRows, P>(depth, a, b, c);
    a.values += kRows * a.pitch;
    c.values += kRows * c.pitch;
  }
  rest<kRows - 1, P>(rows, depth, a, b, c);
}

// c [rows, panels * kPanel] = a [rows, depth] b [depth, panels * kPanel], or joins it. Every number is summed
// in the order of depth, however many rows and panels there are. Depth counts what is multiplied at once.
template <class N>
inline void product(int64_t rows, int64_t panels, int64_t depth, Factor<N> a, Panels<N> b, Product c) {
#if defined(__AMX_BF16__)
  if constexpr (std::is_same_v<N, Bfloat16>) return tiled_product(rows, panels, depth, a, b, c);
#endif
  constexpr int kWide = 4;  // panels at once of so few rows that their sums would wait for each other
  int64_t p = 0;
  const auto at = [&](int64_t panel, int64_t wide, auto run) {
    run(Panels<N>{b.values + panel * b.apart, b.pitch, b.apart},
        Product{c.values + panel * kPanel, c.pitch, c.joins});
    p += wide;
  };
  if (rows < 3)
    while (p + kWide <= panels)
      at(p, kWide, [&](Panels<N> b, Product c) { rest<2, kWide>(rows, depth, a, b, c); });
  while (p + kPanels <= panels)
    at(p, kPanels, [&](Panels<N> b, Product c) { all_rows<kPanels>(rows, depth, a, b, c); });
  while (p < panels) at(p, 1, [&](Panels<N> b, Product c) { all_rows<1>(rows, depth, a, b, c); });
}

}  // namespace
}  // namespace pfgm::plan
