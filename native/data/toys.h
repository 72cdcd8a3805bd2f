// Toy distributions in the plane.
#pragma once

#include <cstdint>

namespace pfgm {

// Each writes `count` points, x then y, to out[0 .. 2 * count). A point depends on the seed and its index
// alone.

// Two interleaved half circles of radius 1 (each as likely as the other, uniform along the arc) with Gaussian
// noise of standard deviation 0.05 in x and y, then centred and divided by 1.75, which leaves five standard
// deviations inside
// [-1, 1].
void two_moons(uint64_t seed, int64_t count, float* out);

// Gaussians of standard deviation 0.05, equally likely, centred on a circle of radius 0.8 at multiples of 45
// degrees.
void eight_gaussians(uint64_t seed, int64_t count, float* out);

// Uniform in the area inside the curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, centred
// and divided by 16: x in [-1, 1], y in [-0.91, 0.91].
void heart(uint64_t seed, int64_t count, float* out);

}  // namespace pfgm
