// The tiles of a processor's matrix unit, Intel's AMX, in the one shape in which kernels use them. Linux
// alone gives them out in this way.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace pfgm {

// A process may use tiles once it has asked.
inline bool tiles_permitted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Palette 1: eight tiles of 16 rows of 64 bytes, as _tile_loadconfig() reads it.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfiguration kTiles;

}  // namespace pfgm
