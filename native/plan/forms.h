// How a convolution is multiplied out: tiles of what comes in, of the filter and of what comes out,
// transformed.
//
// With a tile d that comes in and a filter g, what comes out is output(filter(g) * input(d)), number by
// number; and what a gradient of what comes out gives the filter is the other way round, kFilter^T (input(d)
// * gradient(dy)).
#pragma once

#include <type_traits>
#include <utility>

#include "plan/lanes.h"
#include "plan/step.h"

namespace pfgm::plan {
namespace {

// 1 x 1: a pixel is its own transform.
struct One {
  static constexpr Form kForm = Form::kOne;
  static constexpr int kIn = 1, kOut = 1, kSize = 1;
  template <class V>
  static void filter(const V* g, V* u) {
    u[0] = g[0];
  }
  static void filter_gradient(const Lanes* u, Lanes* g) { g[0] = u[0]; }
  static void input(const Lanes* d, Lanes* t) { t[0] = d[0]; }
  static void output(const Lanes* m, Lanes* y) { y[0] = m[0]; }
  static void gradient(const Lanes* y, Lanes* m) { m[0] = y[0]; }
};

// Winograd's minimal filtering (Lavin and Gray, arXiv 1509.09308): 2 x 2 pixels from 4 x 4 by polynomials
// through 0, +-1 and infinity.
struct Two {
  static constexpr Form kForm = Form::kTwo;
  static constexpr int kIn = 4, kOut = 2, kSize = 3;
  template <class V>
  static void filter(const V* g, V* u) {
    const V even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
  }
  static void filter_gradient(const Lanes* u, Lanes* g) {
    const Lanes even = 0.5f * (u[1] + u[2]);
    g[0] = u[0] + even;
    g[1] = 0.5f * (u[1] - u[2]);
    g[2] = even + u[3];
  }
  static void input(const Lanes* d, Lanes* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
  }
  static void output(const Lanes* m, Lanes* y) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
  }
  static void gradient(const Lanes* y, Lanes* m) {
    m[0] = y[0];
    m[1] = y[0] + y[1];
    m[2] = y[0] - y[1];
    m[3] = y[1];
  }
};

// 4 x 4 pixels from 6 x 6, through 0, +-a, +-b and infinity, a = 1 / sqrt 2, b = sqrt 2: as a b = 1, rounding
// errors stay as small as those of the sums written out.
struct Four {
  static constexpr Form kForm = Form::kFour;
  static constexpr int kIn = 6, kOut = 4, kSize = 3;
  static constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;
  // At 0, +-a, +-b and infinity: of polynomials by their even and odd parts.
  template <class V>
  static void put(V at_0, V even_a, V odd_a, V even_b, V odd_b, V at_infinity, V* to) {
    to[0] = at_0;
    to[1] = even_a + odd_a;
    to[2] = even_a - odd_a;
    to[3] = even_b + odd_b;
    to[4] = even_b - odd_b;
    to[5] = at_infinity;
  }
  // A point's powers over the product of its distances to the other ones, which is -3 / 2 for +-a and 6 for
  // +-b.
  template <class V>
  static void filter(const V* g, V* u) {
    using Real = std::remove_reference_t<decltype(std::declval<V&>()[0])>;
    constexpr Real kThird = Real(1) / 3, kRoot = Real(0.70710678118654752440);
    const V even_a = -kThird * (2 * g[0] + g[2]), odd_a = (-2 * kThird * kRoot) * g[1];
    const V even_b = kThird * (Real(0.5) * g[0] + g[2]), odd_b = (kThird * kRoot) * g[1];
    put(g[0], even_a, odd_a, even_b, odd_b, g[2], u);
  }
  static void filter_gradient(const Lanes* u, Lanes* g) {
    constexpr float kThird = 1 / 3.0f;
    const Lanes sum_a = kThird * (u[1] + u[2]), sum_b = kThird * (u[3] + u[4]);
    g[0] = u[0] - 2 * sum_a + 0.5f * sum_b;
    g[1] = (kThird * kA) * ((u[3] - u[4]) - 2 * (u[1] - u[2]));
    g[2] = sum_b - sum_a + u[5];
  }
  static void input(const Lanes* d, Lanes* t) {
    const Lanes even_a = d[4] - 2 * d[2], odd_a = kA * (d[3] - 2 * d[1]);
    const Lanes even_b = d[4] - 0.5f * d[2], odd_b = kB * (d[3] - 0.5f * d[1]);
    put(d[4] + (d[0] - 2.5f * d[2]), even_a, odd_a, even_b, odd_b, d[5] + (d[1] - 2.5f * d[3]), t);
  }
  static void output(const Lanes* m, Lanes* y) {
    const Lanes sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    const Lanes sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    y[0] = m[0] + sum_a + sum_b;
    y[1] = kA * difference_a + kB * difference_b;
    y[2] = 0.5f * sum_a + 2 * sum_b;
    y[3] = (0.5f * kA) * difference_a + (2 * kB) * difference_b + m[5];
  }
  static void gradient(const Lanes* y, Lanes* m) {
    const Lanes even_a = y[0] + 0.5f * y[2], odd_a = kA * (y[1] + 0.5f * y[3]);
    const Lanes even_b = y[0] + 2 * y[2], odd_b = kB * (y[1] + 2 * y[3]);
    put(y[0], even_a, odd_a, even_b, odd_b, y[3], m);
  }
};

template <class Run>
void with_form(Form form, Run run) {
  if (form == Form::kOne) run(One{});
  if (form == Form::kTwo) run(Two{});
  if (form == Form::kFour) run(Four{});
}

// A tile transformed in both directions.
template <int Columns, int Rows, class V, class Along>
inline void both_ways(Along along, const V (&from)[Columns][Columns], V (&to)[Rows][Rows]) {
  V half[Rows][Columns], column[Columns], t[Rows];
  for (int x = 0; x < Columns; ++x) {
    for (int y = 0; y < Columns; ++y) column[y] = from[y][x];
    along(column, t);
    for (int y = 0; y < Rows; ++y) half[y][x] = t[y];
  }
  for (int y = 0; y < Rows; ++y) along(half[y], to[y]);
}

}  // namespace
}  // namespace pfgm::plan
