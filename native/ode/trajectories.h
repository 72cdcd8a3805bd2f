// A pool of trajectories x_i(t), each with its own time and step, and the fused row-wise operations that
// every Runge-Kutta and linear multistep method is made of. It knows neither the method nor the flow behind
// the drift. States live on the host in float64, wherever the network runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/flow.h"

namespace pfgm {

// y_i = of_x x_i + h_i sum_j of_k[j] k_j,i + of_noise_i n_i: with one number in of_x, the same weights for
// all rows; with one a row, each row's own, of_k then holding a row of weights after another. The noise n_i,
// standard normals, is the row's own draw of the number draws_i: a function of its key and that; where
// of_noise is empty there is none.
struct Combination {
  std::vector<double> of_x = {1};
  std::vector<double> of_k;
  std::vector<double> of_noise;
  std::vector<int64_t> draws;
};

// What a slot keeps of a flow at (x, z): dx / d(ln z), dx / dz, or the denoised x - dx / d(ln z).
enum class View { kLogHeight, kHeight, kDenoised };

// A sum over a row of (y / (atol + rtol max(|x|, |next|)))^2; without `next`, max is |x|.
struct SquareSum {
  Combination y;
  std::optional<Combination> next;
};

class Trajectories {
 public:
  // start [b, ...] becomes rows of N float64, each with what it carries; `slots` drifts are kept a row and,
  // if `keeps_denoised`, what its denoised state x - dx / d(ln z) at the last evaluation is made of. `noise`
  // [places, draws, N] float64, if defined, is what is drawn, a row's key being its place. `queue` names the
  // device whose thread all calls are to run on.
  Trajectories(const at::Tensor& start, Rows rows, int64_t slots, bool keeps_denoised, at::Tensor noise,
               std::string queue);

  const std::string& queue() const { return queue_; }

  int64_t count() const { return x_.size(0); }
  const at::Tensor& state() const { return x_; }

  // Throws unless both are slots, and not the same one.
  void check_slots(int64_t slot, std::optional<int64_t> other_side = {}) const;

  // Where `places` name rows, rising, what follows is for these rows; where they are empty, for all.
  using Places = std::vector<int64_t>;

  // y_i of the rows, of which each has a step.
  at::Tensor combine(const Combination& y, const std::vector<double>& steps, const Places& places = {}) const;
  // k_slot,i = the flow's view at x_i and height z_i, from the drift there.
  void keep(const at::Tensor& drift, int64_t slot, const at::Tensor& x, const std::vector<double>& heights,
            const Places& places, View view);
  // Adds what the rows carry to `to`.
  void append_rows(const Places& places, Rows& to) const;

  // The denoised rows of the last evaluation, the first `columns` numbers of each.
  at::Tensor denoised(const Places& places, int64_t columns) const;
  // Puts other denoised values [rows, N] in the place of those of the last evaluation, and their view in that
  // of slot's, which was evaluated last, at `heights`; in `other_side` only where they differ.
  void replace_denoised(const at::Tensor& values, int64_t slot, std::optional<int64_t> other_side,
                        const std::vector<double>& heights, const Places& places, View view);

  // Each of the sums for all rows, one sum after another.
  std::vector<double> norms(const std::vector<SquareSum>& sums, const std::vector<double>& steps, double atol,
                            double rtol) const;

  // A combination each for the state (-1) and slots, all of what was there before.
  void assign(const std::vector<int64_t>& targets, const std::vector<Combination>& values);

  // x_i = y_i where moved[i]; those rows' slot 0 takes over slot `last`, if that is not negative.
  void advance(const Combination& y, const std::vector<double>& steps, const std::vector<char>& moved,
               int64_t last);

  // out[out_rows[j]] = the combination of row rows[j], out float32 with rows of N; y has weights for each j.
  void draw(const std::vector<int64_t>& rows, const Combination& y, at::Tensor& out,
            const std::vector<int64_t>& out_rows) const;

  // Copies the rows leaving the pool to out[out_rows] (float32 or float64) and closes the gaps: the rows that
  // stay keep their order.
  void retire(const std::vector<int64_t>& rows, at::Tensor& out, const std::vector<int64_t>& out_rows);
  // Adds rows at the end.
  void join(const at::Tensor& start, const Rows& rows);

 private:
  int64_t count_of(const Places& places) const { return places.empty() ? count() : int64_t(places.size()); }
  void check_places(const Places& places) const;
  void check_steps(const std::vector<double>& steps, int64_t rows) const;
  // Throws unless y has weights for `rows` rows and no more of them than there are slots.
  void check(const Combination& y, int64_t rows) const;
  void check_noise(const Combination& y, int64_t rows) const;
  // One row of a combination.
  class Terms;

  std::string queue_;
  Rows rows_;
  at::Tensor noise_;
  at::Tensor x_;               // [b, N] float64
  std::vector<at::Tensor> k_;  // each [b, N] float64
  // Of the last evaluation of each row, where denoised states are kept: the points and the drifts there.
  bool keeps_denoised_;
  at::Tensor points_, drifts_;
};

}  // namespace pfgm
