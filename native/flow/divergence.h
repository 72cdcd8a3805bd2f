// The log-density along a Poisson flow's paths, which are those of an ODE dx/dt = f: d ln p / dt = -div f
// (instantaneous change of variables, Chen et al., arXiv 1806.07366).
#pragma once

#include "flow/pfgm.h"

namespace pfgm {

// How div f = trace(df/dx) is found.
struct Divergence {
  // Exactly: one vector-Jacobian product a dimension. Otherwise by Hutchinson's estimate e . (df/dx)^T e with
  // `probes` vectors e of random signs (Grathwohl et al., arXiv 1810.01367), drawn for each sample from its
  // key.
  bool exact = false;
  int64_t probes = 1;
  std::vector<uint64_t> keys;
  at::Tensor given;  // [samples, probes, N] instead of drawn ones, where defined
};

struct LikelihoodConfig {
  PfgmConfig flow;
  // v is divided by |v| + 1e-7 first, |v| over all N + 1 coordinates, as in the published likelihood code. It
  // cancels but for epsilon.
  bool normalised = false;
  Divergence divergence;
};

// States [b, N + P]: a point and P integrals of the divergence, one a probe (P = 1 where exact). Its drift is
// (f, div f) with f = dx / d(ln z), differentiated as a whole, the replacement of v_z included.
std::shared_ptr<Flow> make_likelihood_flow(std::shared_ptr<Network> network, LikelihoodConfig config);

}  // namespace pfgm
