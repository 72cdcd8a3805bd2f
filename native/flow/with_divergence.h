// The log-density along a flow's paths, which are those of an ODE dx/dt = f: d ln p / dt = -div f
// (instantaneous change of variables, Chen et al., arXiv 1806.07366).
#pragma once

#include "flow/flow.h"

namespace pfgm {

// How div f = trace(df/dx) is found.
struct Divergence {
  // Exactly: one vector-Jacobian product a dimension. Otherwise by Hutchinson's estimate e . (df/dx)^T e with
  // `probes` vectors e of random signs (Grathwohl et al., arXiv 1810.01367), drawn from each row's key.
  bool exact = false;
  int64_t probes = 1;
  at::Tensor given;  // [keys, probes, N] instead of drawn ones, where defined: a row's key is its place there
};

// A flow whose states [b, N + P] are a point and P integrals of the divergence, one a probe (P = 1 where
// exact): its drift is (f, div f) with the given flow's f = dx / d(ln z), differentiated as a whole.
std::shared_ptr<Flow> with_divergence(std::shared_ptr<Flow> flow, Divergence divergence);

}  // namespace pfgm
