// Poisson flow (arXiv 2209.11178): prior, perturbation and drift.
#pragma once

#include "flow/flow.h"
#include "flow/inference.h"

namespace pfgm {

// Starts on the plane z = z_max. One key a sample: a start depends on its own key alone.
// -> [count, N] float64; |x| is distributed as the paper's prior and clipped to [1, upper_norm].
at::Tensor pfgm_prior(const std::vector<uint64_t>& keys, int64_t dimensions, double z_max, double upper_norm);

// The kernel around data y [b, N] float64 at height z, one key a row: y + u R, u uniform on the sphere, R the
// prior's |x| at that height, cut at upper_norm. Its field lines lead back to about y: the lower z, the
// nearer.
at::Tensor perturb_to(const at::Tensor& y, const std::vector<uint64_t>& keys, double z, double upper_norm);

// How training points are perturbed: sigma, tau, M of the paper.
struct Perturbation {
  double sigma = 0.01;
  double tau = 0.03;
  double M = 291;
  bool restrict_M = true;  // points with |eps_z| < 0.005 draw m from [0, int(0.7 M)]
};

// The random numbers of one batch's perturbation.
struct PerturbationDraws {
  at::Tensor gaussian;  // [b, N]: its direction is uniform
  at::Tensor eps_x;     // [b, N]: its norm is the noise's radius
  at::Tensor eps_z;     // [b]
  at::Tensor m;         // [b]
};

struct Perturbed {
  at::Tensor x;  // as y
  at::Tensor z;  // [b]
};

// Draw number i of a batch is a function of (seed, batch, i).
PerturbationDraws draw_perturbation(uint64_t seed, uint64_t batch, int64_t count, int64_t dimensions,
                                    const Perturbation& settings);

// x = y + u |eps_x| (1 + tau)^m,  z = |eps_z| (1 + tau)^m  (arXiv 2209.11178, eq. 8).
Perturbed perturb(const at::Tensor& y, const PerturbationDraws& draws, double tau);

struct PfgmConfig {
  double gamma = 5;
  double z_exp = 5;          // below this height v_z is computed from v_x instead of taken from the network
  double upper_norm = 3000;  // a point farther than this from the data has left the trained region
  double epsilon = 0;        // added to v_z before dividing; 1e-5 in the published code
  // v is divided by |v| + 1e-7 first, |v| over all N + 1 coordinates, as in the published likelihood code. It
  // cancels but for epsilon.
  bool normalised = false;
  Inference inference;
};

// dx / d(ln z) = z v_x / v_z of a network's field (flow/pfgm_formula.h).
std::shared_ptr<Flow> make_pfgm_flow(std::shared_ptr<Network> network, const PfgmConfig& config);

}  // namespace pfgm
