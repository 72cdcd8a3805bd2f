// Products of bfloat16 by a processor's matrix unit, Intel's AMX.
#pragma once

#include "plan/factors.h"

#if defined(__AMX_BF16__)
#include "runtime/matrix_unit.h"

namespace pfgm::plan {
namespace {

// 16 R rows by P panels, of so many steps of kTileDepth numbers.
template <int R, int P>
inline void tiles(int64_t steps, Factor<Bfloat16> a, Panels<Bfloat16> b, Product c) {
  const uint16_t *upper = a.values, *lower = a.values + kTileRows * a.pitch;
  const Pair *first = b.values, *second = b.values + b.apart;
  const int64_t a_pitch = a.pitch * 2, b_pitch = b.pitch * 4, c_pitch = c.pitch * 4;  // bytes
  _tile_zero(0);
  if constexpr (P == 2) _tile_zero(1);
  if constexpr (R == 2) _tile_zero(2);
  if constexpr (R == 2 && P == 2) _tile_zero(3);
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t at = step * kTileDepth, row = step * kTileDepth / 2 * b.pitch;
    _tile_loadd(4, upper + at, a_pitch);
    _tile_loadd(6, first + row, b_pitch);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (P == 2) {
      _tile_loadd(7, second + row, b_pitch);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (R == 2) {
      _tile_loadd(5, lower + at, a_pitch);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (P == 2) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c.values, c_pitch);
  if constexpr (P == 2) _tile_stored(1, c.values + kPanel, c_pitch);
  if constexpr (R == 2) _tile_stored(2, c.values + kTileRows * c.pitch, c_pitch);
  if constexpr (R == 2 && P == 2) _tile_stored(3, c.values + kTileRows * c.pitch + kPanel, c_pitch);
}

// As product() has it, but rows are read and written in sixteens, and zeros fill up both sides' depth to
// whole tiles. Lines that begin at a multiple of 64 bytes are loaded five times as fast as others.
inline void tiled_product(int64_t rows, int64_t panels, int64_t depth, Factor<Bfloat16> a, Panels<Bfloat16> b,
                          Product c) {
  const int64_t steps = (2 * depth + kTileDepth - 1) / kTileDepth;
  _tile_loadconfig(&kTiles);
  asm volatile("" ::: "memory");  // loads of tiles do not say that they read memory
  for (int64_t panel = 0; panel < panels; panel += 2)
    for (int64_t row = 0; row < rows; row += 2 * kTileRows) {
      const bool tall = row + kTileRows < rows, wide = panel + 1 < panels;
      const auto run = tall && wide ? tiles<2, 2> : tall ? tiles<2, 1> : wide ? tiles<1, 2> : tiles<1, 1>;
      run(steps, {a.values + row * a.pitch, a.pitch}, {b.values + panel * b.apart, b.pitch, b.apart},
          {c.values + row * c.pitch + panel * kPanel, c.pitch});
    }
  _tile_release();
}

}  // namespace
}  // namespace pfgm::plan
#endif
