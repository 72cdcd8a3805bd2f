// One row a warp, its coordinates split over the lanes: the prior, the perturbation and the solver's stages,
// for a GPU and, by HostWarp, for the host. The formulas, the random streams and the order of the draws are
// those of flow/pfgm.cpp and ode/trajectories.cpp, so one seed gives the same numbers up to rounding.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/host_device.h"
#include "random/philox.h"

namespace pfgm::cuda {

struct PriorProblem {
  const uint64_t* keys;  // [count]
  int64_t count;
  int64_t dimensions;
  double z_max;
  double upper_norm;
  double* starts;  // [count, dimensions]
};

struct PerturbationProblem {
  const float* y;  // [count, dimensions]
  int64_t count;
  int64_t dimensions;
  uint64_t seed;
  uint64_t batch;
  double sigma;
  double tau;
  double M;
  bool restrict_M;
  float* x;  // [count, dimensions]
  float* z;  // [count]
};

constexpr int kMaxSlots = 64;

// y_i = of_x x_i + h_i sum_j of_k[j] k_j,i over the drifts with a weight.
struct Terms {
  double of_x;
  int count;
  double of_k[kMaxSlots];
  const double* k[kMaxSlots];  // each [count, dimensions]
};

struct CombinationProblem {
  const double* x;      // [count, dimensions]
  const double* steps;  // [count]: h
  int64_t count;
  int64_t dimensions;
  Terms y;
  double* out;  // [count, dimensions]
};

// sums[i] = sum over a row of (y / (atol + rtol max(|x|, |next|)))^2
struct NormProblem {
  const double* x;
  const double* steps;
  int64_t count;
  int64_t dimensions;
  Terms y;
  Terms next;
  double atol;
  double rtol;
  double* sums;  // [count]
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

template <class Warp>
PFGM_HD inline void prior_row(Warp& warp, const PriorProblem& problem, int64_t row) {
  const Philox random(problem.keys[row], uint64_t(Purpose::kPrior) << 32);
  double* start = problem.starts + row * problem.dimensions;
  typename Warp::template Lanes<double> square{};
  warp.each([&](int lane) {
    each_normal(random, 1, problem.dimensions, lane, [&](int64_t c, double normal) {
      start[c] = normal;
      square[lane] += normal * normal;
    });
  });
  warp.sum(square);
  warp.each([&](int lane) {
    double height[kNormals];
    random.normals(0, height);
    const double norm = sqrt(square[lane]);
    const double radius = fmin(fmax(problem.z_max * norm / fabs(height[0]), 1.0), problem.upper_norm);
    for (int64_t c = lane * kNormals; c < problem.dimensions; c += kLanes * kNormals)
      for (int i = 0; i < kNormals && c + i < problem.dimensions; ++i) start[c + i] *= radius / norm;
  });
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

PFGM_HD inline double combined(const Terms& terms, const double* x, double step, int64_t at) {
  double sum = 0;
  for (int j = 0; j < terms.count; ++j) sum += step * terms.of_k[j] * terms.k[j][at];
  return terms.of_x * x[at] + sum;
}

template <class Warp>
PFGM_HD inline void combine_row(Warp& warp, const CombinationProblem& problem, int64_t row) {
  warp.each([&](int lane) {
    for (int64_t c = lane; c < problem.dimensions; c += kLanes) {
      const int64_t at = row * problem.dimensions + c;
      problem.out[at] = combined(problem.y, problem.x, problem.steps[row], at);
    }
  });
}

template <class Warp>
PFGM_HD inline void norm_row(Warp& warp, const NormProblem& problem, int64_t row) {
  typename Warp::template Lanes<double> total{};
  warp.each([&](int lane) {
    for (int64_t c = lane; c < problem.dimensions; c += kLanes) {
      const int64_t at = row * problem.dimensions + c;
      const double next = combined(problem.next, problem.x, problem.steps[row], at);
      const double size = fmax(fabs(problem.x[at]), fabs(next));
      const double ratio =
          combined(problem.y, problem.x, problem.steps[row], at) / (problem.atol + problem.rtol * size);
      total[lane] += ratio * ratio;
    }
  });
  warp.sum(total);
  warp.each([&](int lane) {
    if (lane == 0) problem.sums[row] = total[lane];
  });
}

}  // namespace pfgm::cuda
