#include "data/toys.h"

#include <cmath>

#include "random/philox.h"

namespace pfgm {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Where the counters of a distribution begin: far apart, so that one seed gives each of them draws of its
// own.
enum FirstCounter : uint64_t {
  kTwoMoons = 0,
  kEightGaussians = uint64_t{1} << 60,
  kHeart = uint64_t{2} << 60
};

// Fills out with point(random, the point's first counter): x and y.
template <typename Point>
void fill(uint64_t seed, FirstCounter first, uint64_t counters_a_point, int64_t count, float* out,
          Point point) {
  const Philox random(seed, static_cast<uint64_t>(Purpose::kToys));
  for (int64_t i = 0; i < count; ++i) {
    double xy[2];
    point(random, first + static_cast<uint64_t>(i) * counters_a_point, xy);
    out[2 * i] = static_cast<float>(xy[0]);
    out[2 * i + 1] = static_cast<float>(xy[1]);
  }
}

void moon_point(const Philox& random, uint64_t counter, double xy[2]) {
  double u[4], normal[4];
  random.uniforms(counter, u);
  random.normals(counter + 1, normal);
  const double angle = kPi * u[1];
  const bool upper = u[0] < 0.5;
  const double x = upper ? std::cos(angle) : 1 - std::cos(angle);
  const double y = upper ? std::sin(angle) : 0.5 - std::sin(angle);
  xy[0] = (x - 0.5 + 0.05 * normal[0]) / 1.75;
  xy[1] = (y - 0.25 + 0.05 * normal[1]) / 1.75;
}

void gaussian_point(const Philox& random, uint64_t counter, double xy[2]) {
  double u[4], normal[4];
  random.uniforms(counter, u);
  random.normals(counter + 1, normal);
  const double angle = kPi / 4 * std::floor(8 * u[0]);
  xy[0] = 0.8 * std::cos(angle) + 0.05 * normal[0];
  xy[1] = 0.8 * std::sin(angle) + 0.05 * normal[1];
}

// The curve meets x twice, at t and at pi - t, where the cosine is c and -c. The even powers of c in y are
// the middle between the two crossings, the odd powers half their distance.
bool inside_heart(double x, double y) {
  const double sine = std::cbrt(std::abs(x) / 16);
  const double c2 = 1 - sine * sine;
  const double middle = 4 - 2 * c2 - 8 * c2 * c2;
  const double half = std::sqrt(c2) * (19 - 8 * c2);
  return std::abs(y - middle) <= half;
}

// Each counter gives two tries in the box around the heart, of which three in five hit: all 64 counters
// missing has a probability below 1e-50.
constexpr uint64_t kHeartCounters = 64;

void heart_point(const Philox& random, uint64_t counter, double xy[2]) {
  constexpr double kMiddle = -2.5;  // of the lowest and the highest point, -17 and just under 12
  constexpr double kHalfHeight = 14.6;
  xy[0] = xy[1] = 0;
  for (uint64_t k = 0; k < kHeartCounters; ++k) {
    double u[4];
    random.uniforms(counter + k, u);
    for (int attempt = 0; attempt < 4; attempt += 2) {
      const double x = 16 * (2 * u[attempt] - 1);
      const double y = kMiddle + kHalfHeight * (2 * u[attempt + 1] - 1);
      if (!inside_heart(x, y)) continue;
      xy[0] = x / 16;
      xy[1] = (y - kMiddle) / 16;
      return;
    }
  }
}

}  // namespace

void two_moons(uint64_t seed, int64_t count, float* out) {
  fill(seed, kTwoMoons, 2, count, out, moon_point);
}

void eight_gaussians(uint64_t seed, int64_t count, float* out) {
  fill(seed, kEightGaussians, 2, count, out, gaussian_point);
}

void heart(uint64_t seed, int64_t count, float* out) {
  fill(seed, kHeart, kHeartCounters, count, out, heart_point);
}

}  // namespace pfgm
