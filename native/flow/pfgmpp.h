// PFGM++ (arXiv 2302.04265): Poisson flow in D extra dimensions, followed in sigma = r / sqrt(D). With
// infinite D its kernel is Gaussian, and it is EDM (arXiv 2206.00364).
#pragma once

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "flow/flow.h"
#include "random/philox.h"

namespace pfgm {

// Random numbers of the perturbation kernel (arXiv 2302.04265, section 3.2), a row each.
struct KernelDraws {
  at::Tensor gaussian;  // [b, N] float64: its direction is uniform; with infinite D it is the noise
  // [b] float64: b / (1 - b), b ~ Beta(N/2, D/2), which would round to 1 far out; undefined with infinite D
  at::Tensor odds;
};

// Of one stream a row. D is from 1 to 2^31, also no integer, or infinite.
KernelDraws draw_kernel(int64_t count, int64_t dimensions, double d,
                        const std::function<std::pair<Philox, uint64_t>(int64_t row)>& stream_and_counter);

// y + R u with R = sigma sqrt(D b / (1 - b)) and u uniform on the sphere, y [b, N] float64, a sigma a row.
// `published`: b is kept in [.001, .999] as the published training does, which for small D takes most of the
// far points away.
at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<double>& sigmas, const KernelDraws& draws,
                             double d, bool published = false);

// Around data y [b, N] float64 at one sigma, one key a row; around 0 it is the prior.
at::Tensor perturb_by_kernel(const at::Tensor& y, const std::vector<uint64_t>& keys, double sigma, double d);

// How a denoiser is made of what a network gives (arXiv 2206.00364, table 1): d = c_skip x + c_out F(c_in x,
// ln(sigma) / 4). Its network learns F = (y - c_skip x) / c_out, of unit variance where the data's deviation
// is `sigma_data`.
struct Preconditioning {
  double sigma_data = 0.5;

  // For numbers and for tensors.
  template <class Real>
  Real c_skip(const Real& sigma) const {
    return sigma_data * sigma_data / square(sigma);
  }
  // 1 - c_skip, without cancellation.
  template <class Real>
  Real c_away(const Real& sigma) const {
    return sigma * sigma / square(sigma);
  }
  template <class Real>
  Real c_out(const Real& sigma) const {
    using std::sqrt;
    return sigma * sigma_data / sqrt(square(sigma));
  }
  template <class Real>
  Real c_in(const Real& sigma) const {
    using std::sqrt;
    return 1 / sqrt(square(sigma));
  }
  template <class Real>
  Real c_noise(const Real& sigma) const {
    using std::log;
    return log(sigma) / 4;
  }

 private:
  template <class Real>
  Real square(const Real& sigma) const {
    return sigma * sigma + sigma_data * sigma_data;
  }
};

// dx / d(ln sigma) = x - d(x, sigma). A network that gives what is denoised is d itself.
std::shared_ptr<Flow> make_pfgmpp_flow(std::shared_ptr<Network> network, const Preconditioning& scales,
                                       bool deterministic);

}  // namespace pfgm
