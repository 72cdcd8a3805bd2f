// The shape of a block of threads, and what a warp of it multiplies at once: the same on a GPU
// (device_block.h) and on the host (host_block.h).
#pragma once

namespace pfgm::cuda {

constexpr int kLanes = 32;  // threads of a warp
constexpr int kWarps = 8;   // of a block
constexpr int kThreads = kWarps * kLanes;

// What a lane holds of the fragments of a 16 x 8 product over 8 coordinates (mma.m16n8k8): with g = lane / 4
// and t = lane % 4, A (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); B (t, g), (t + 4, g);
// C (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
struct FragmentA {
  float at[4];
};
struct FragmentB {
  float at[2];
};
struct FragmentC {
  float at[4];
};

}  // namespace pfgm::cuda
