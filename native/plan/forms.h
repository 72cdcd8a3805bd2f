// How a convolution is multiplied out: tiles of what comes in, of the filter and of what comes out,
// transformed.
//
// With a tile d that comes in and a filter g, what comes out is output(filter(g) * input(d)), number by
// number; and what a gradient of what comes out gives the filter is the other way round, kFilter^T (input(d)
// * gradient(dy)).
#pragma once

#include "plan/lanes.h"
#include "plan/step.h"

namespace pfgm::plan {
namespace {

// 1 x 1: a pixel is its own transform.
struct One {
  static constexpr Form kForm = Form::kOne;
  static constexpr int kIn = 1, kOut = 1, kSize = 1;
  static constexpr double kFilter[kIn][kSize] = {{1}};
  static void input(const Lanes* d, Lanes* t) { t[0] = d[0]; }
  static void output(const Lanes* m, Lanes* y) { y[0] = m[0]; }
  static void gradient(const Lanes* y, Lanes* m) { m[0] = y[0]; }
};

// Winograd's minimal filtering (Lavin and Gray, arXiv 1509.09308): 2 x 2 pixels from 4 x 4 by polynomials
// through 0, +-1 and infinity.
struct Two {
  static constexpr Form kForm = Form::kTwo;
  static constexpr int kIn = 4, kOut = 2, kSize = 3;
  static constexpr double kFilter[kIn][kSize] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
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
  // A point's powers over the product of its distances to the other ones, which is -3 / 2 for +-a, 6 for +-b.
  static constexpr double kFilter[kIn][kSize] = {{1, 0, 0},
                                                 {-1 / 1.5, -0.70710678118654752440 / 1.5, -0.5 / 1.5},
                                                 {-1 / 1.5, 0.70710678118654752440 / 1.5, -0.5 / 1.5},
                                                 {1 / 6.0, 1.41421356237309504880 / 6, 2 / 6.0},
                                                 {1 / 6.0, -1.41421356237309504880 / 6, 2 / 6.0},
                                                 {0, 0, 1}};
  static void input(const Lanes* d, Lanes* t) {
    const Lanes even_a = d[4] - 2 * d[2], odd_a = kA * (d[3] - 2 * d[1]);
    const Lanes even_b = d[4] - 0.5f * d[2], odd_b = kB * (d[3] - 0.5f * d[1]);
    t[0] = d[4] + (d[0] - 2.5f * d[2]);
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
    t[5] = d[5] + (d[1] - 2.5f * d[3]);
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
    m[0] = y[0];
    m[1] = even_a + odd_a;
    m[2] = even_a - odd_a;
    m[3] = even_b + odd_b;
    m[4] = even_b - odd_b;
    m[5] = y[3];
  }
};

template <class Run>
void with_form(Form form, Run run) {
  if (form == Form::kOne) run(One{});
  if (form == Form::kTwo) run(Two{});
  if (form == Form::kFour) run(Four{});
}

// A tile transformed in both directions: to [Rows][Rows] from [Columns][Columns].
template <int Columns, int Rows, class Along>
inline void both_ways(Along along, const Lanes (&from)[Columns][Columns], Lanes (&to)[Rows][Rows]) {
  Lanes half[Rows][Columns], column[Columns], t[Rows];
  for (int x = 0; x < Columns; ++x) {
    for (int y = 0; y < Columns; ++y) column[y] = from[y][x];
    along(column, t);
    for (int y = 0; y < Rows; ++y) half[y][x] = t[y];
  }
  for (int y = 0; y < Rows; ++y) along(half[y], to[y]);
}

}  // namespace
}  // namespace pfgm::plan
