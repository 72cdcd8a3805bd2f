// A pool of trajectories x_i(t), each with its own time and step, and the fused row-wise operations that
// every Runge-Kutta and linear multistep method is made of. It knows neither the method nor the flow behind
// the drift. States live on the host in float64, wherever the network runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "flow/flow.h"

namespace pfgm {

// y_i = of_x x_i + h_i sum_j of_k[j] k_j,i: with one number in of_x, the same weights for all rows; with one
// a row, each row's own, of_k then holding a row of weights after another.
struct Combination {
  std::vector<double> of_x = {1};
  std::vector<double> of_k;
};

// What a slot keeps of a flow at (x, z): dx / d(ln z), dx / dz, or the denoised x - dx / d(ln z).
enum class View { kLogHeight, kHeight, kDenoised };

class Trajectories {
 public:
  // start [b, ...] becomes rows of N float64; `slots` drifts are kept a row. `queue` names the device whose
  // thread all calls are to run on.
  Trajectories(const at::Tensor& start, int64_t slots, std::string queue);

  const std::string& queue() const { return queue_; }

  int64_t count() const { return x_.size(0); }
  const at::Tensor& state() const { return x_; }

  // k_slot,i = the flow's view at y_i and height z_i, for the rows from `first` on, of which each has a step
  // and a height.
  std::vector<char> evaluate(const Flow& flow, int64_t slot, const Combination& y,
                             const std::vector<double>& steps, const std::vector<double>& heights,
                             int64_t first, View view);

  // sum over a row of (y / (atol + rtol max(|x|, |next|)))^2; `next` empty: max is |x|.
  std::vector<double> norms(const Combination& y, const Combination* next, const std::vector<double>& steps,
                            double atol, double rtol) const;

  // x_i = y_i where moved[i]; those rows' slot 0 takes over slot `last`, if that is not negative.
  void advance(const Combination& y, const std::vector<double>& steps, const std::vector<char>& moved,
               int64_t last);

  // Copies the rows leaving the pool to out[out_rows] (float32 or float64) and closes the gaps: the rows that
  // stay keep their order.
  void retire(const std::vector<int64_t>& rows, at::Tensor& out, const std::vector<int64_t>& out_rows);
  // Adds rows at the end.
  void join(const at::Tensor& start);

 private:
  // y_i of the rows from `first` on.
  at::Tensor combine(const Combination& y, const std::vector<double>& steps, int64_t first = 0) const;
  void check_steps(const std::vector<double>& steps, int64_t first = 0) const;
  // Throws unless y has weights for `rows` rows and no more of them than there are slots.
  void check(const Combination& y, int64_t rows) const;

  std::string queue_;
  std::vector<int64_t> samples_;  // which trajectory a row is, counted in the order in which they joined
  int64_t joined_ = 0;
  at::Tensor x_;               // [b, N] float64
  std::vector<at::Tensor> k_;  // each [b, N] float64
};

}  // namespace pfgm
