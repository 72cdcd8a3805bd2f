// The perturbation of one row, a warp a row, its coordinates split over the lanes: for a GPU and, by
// HostWarp, for the host. The formula, the random streams and the order of the draws are those of
// flow/pfgm.cpp, so one seed gives the same numbers up to rounding.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/block.h"
#include "random/philox.h"
#include "runtime/host_device.h"

namespace pfgm::cuda {

struct PerturbationProblem {
  const float* y;  // [count, dimensions]
  int64_t count;
  int64_t dimensions;
  uint64_t seed;
  uint64_t batch;
  double sigma;  // sigma, tau, M of arXiv 2209.11178
  double tau;
  double M;
  bool restrict_M;  // whether points with |eps_z| < 0.005 draw m from [0, int(0.7 M)]
  float* x;         // [count, dimensions]
  float* z;         // [count]
};

constexpr int kNormals = 4;  // a block of Philox

// Calls body(c, normal) for the lane's coordinates of a row whose normals start at block `first`.
template <class Body>
PFGM_HD inline void each_normal(const Philox& random, uint64_t first, int64_t dimensions, int lane,
                                Body body) {
  double normals[kNormals];
  for (int64_t c = lane * kNormals; c < dimensions; c += kLanes * kNormals) {
    random.normals(first + uint64_t(c / kNormals), normals);
    for (int i = 0; i < kNormals && c + i < dimensions; ++i) body(c + i, normals[i]);
  }
}

// x = y + u |eps_x| (1 + tau)^m, z = |eps_z| (1 + tau)^m, the draws rounded to float32 as those that are
// kept. The direction's normals are drawn again instead of stored.
template <class Warp>
PFGM_HD inline void perturb_row(Warp& warp, const PerturbationProblem& problem, int64_t row) {
  const Philox random(problem.seed, (uint64_t(Purpose::kPerturbation) << 48) | problem.batch);
  const uint64_t blocks = uint64_t(problem.dimensions + kNormals - 1) / kNormals;
  const uint64_t counter = uint64_t(row) * (2 * blocks + 2);
  typename Warp::template Lanes<double> direction{}, radius{};
  warp.each([&](int lane) {
    each_normal(random, counter, problem.dimensions, lane, [&](int64_t, double normal) {
      const double gaussian = double(float(normal));
      direction[lane] += gaussian * gaussian;
    });
    each_normal(random, counter + blocks, problem.dimensions, lane, [&](int64_t, double normal) {
      const double eps_x = double(float(normal) * float(problem.sigma));
      radius[lane] += eps_x * eps_x;
    });
  });
  warp.sum(direction);
  warp.sum(radius);
  warp.each([&](int lane) {
    double normal[kNormals], uniform[kNormals];
    random.normals(counter + 2 * blocks, normal);
    random.uniforms(counter + 2 * blocks + 1, uniform);
    const float eps_z = float(normal[0] * problem.sigma);
    const bool restricted = problem.restrict_M && fabsf(eps_z) < 0.005f;
    const float m = float(uniform[0] * (restricted ? floor(0.7 * problem.M) : problem.M));
    const double growth = pow(1 + problem.tau, double(m));
    const double factor = direction[lane] > 0 ? sqrt(radius[lane] / direction[lane]) * growth : 0;
    const int64_t start = row * problem.dimensions;
    each_normal(random, counter, problem.dimensions, lane, [&](int64_t c, double gaussian) {
      problem.x[start + c] = float(double(problem.y[start + c]) + double(float(gaussian)) * factor);
    });
    if (lane == 0) problem.z[row] = float(fabs(double(eps_z)) * growth);
  });
}

}  // namespace pfgm::cuda
