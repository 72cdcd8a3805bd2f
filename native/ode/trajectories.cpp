#include "ode/trajectories.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/grain.h"

namespace pfgm {
namespace {

at::Tensor rows_of(const at::Tensor& start) {
  const int64_t count = start.size(0);
  return start.reshape({count, count ? start.numel() / count : 1}).to(at::kCPU, at::kDouble).contiguous();
}

at::Tensor column(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).unsqueeze(1);
}

at::Tensor index(const std::vector<int64_t>& places) {
  return at::tensor(places, at::kLong);
}

at::Tensor rows_at(const at::Tensor& rows, const Trajectories::Places& places) {
  return places.empty() ? rows : rows.index_select(0, index(places));
}

// The rows at `places`, or all, = values. What else refers to the rows keeps what it has.
void put(at::Tensor& rows, const Trajectories::Places& places, const at::Tensor& values) {
  rows = places.empty() ? values.contiguous() : rows.index_copy(0, index(places), values);
}

void check_rows(const Rows& rows, int64_t count) {
  if (int64_t(rows.size()) != count)
    throw Error("ERR_PFGM_ARGUMENT", "Expected a key a trajectory, " + std::to_string(count) +
                                         ", but received " + std::to_string(rows.size()));
}

}  // namespace

// One row at a time: a row and its drifts stay in cache. `place` counts from the first row that the
// combination is for, `row` in the pool.
class Trajectories::Terms {
 public:
  Terms(const Trajectories& pool, const Combination& y, double step, int64_t place, int64_t row) {
    const int64_t dimensions = pool.x_.size(1);
    const size_t terms = y.of_k.size() / y.of_x.size(), own = y.of_x.size() == 1 ? 0 : size_t(place);
    x_ = pool.x_.const_data_ptr<double>() + row * dimensions;
    of_x_ = y.of_x[own];
    for (size_t j = 0; j < terms; ++j) {
      const double weight = y.of_k[own * terms + j];
      if (weight == 0) continue;
      weights_.push_back(step * weight);
      drifts_.push_back(pool.k_[j].const_data_ptr<double>() + row * dimensions);
    }
    if (y.of_noise.empty() || y.of_noise[place] == 0) return;
    weights_.push_back(y.of_noise[place]);
    drifts_.push_back(noise(pool, pool.rows_[row].key, y.draws[place], dimensions));
  }

  double operator()(int64_t c) const {
    double sum = 0;
    for (size_t j = 0; j < weights_.size(); ++j) sum += weights_[j] * drifts_[j][c];
    return of_x_ * x_[c] + sum;
  }
  double state(int64_t c) const { return x_[c]; }

 private:
  const double* noise(const Trajectories& pool, uint64_t key, int64_t draw, int64_t dimensions) {
    if (pool.noise_.defined())
      return pool.noise_.const_data_ptr<double>() +
             (int64_t(key) * pool.noise_.size(1) + draw) * pool.noise_.size(2);
    drawn_.resize(dimensions);
    Philox(key, (uint64_t(Purpose::kStepNoise) << 32) | uint64_t(draw))
        .fill_normals(0, dimensions, drawn_.data());
    return drawn_.data();
  }

  const double* x_;
  double of_x_;
  std::vector<double> weights_, drawn_;
  std::vector<const double*> drifts_;
};

Trajectories::Trajectories(const at::Tensor& start, Rows rows, int64_t slots, bool keeps_denoised,
                           at::Tensor noise, std::string queue)
    : queue_(std::move(queue)),
      rows_(std::move(rows)),
      noise_(std::move(noise)),
      x_(rows_of(start).clone()),
      keeps_denoised_(keeps_denoised) {
  if (x_.size(1) < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected trajectories of at least one number");
  if (slots < 1 || slots > 64) throw Error("ERR_PFGM_ARGUMENT", "Expected slots to be from 1 to 64");
  check_rows(rows_, count());
  if (noise_.defined() && noise_.size(2) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected noise of " + std::to_string(x_.size(1)) + " numbers a draw");
  for (int64_t j = 0; j < slots; ++j) k_.push_back(at::zeros_like(x_));
  if (keeps_denoised) points_ = drifts_ = k_[0];
}

void Trajectories::check_slots(int64_t slot, std::optional<int64_t> other_side) const {
  for (const int64_t given : {slot, other_side.value_or(slot)})
    if (given < 0 || given >= int64_t(k_.size()))
      throw Error("ERR_PFGM_ARGUMENT", "Expected slot to be from 0 to " + std::to_string(k_.size() - 1));
  if (other_side == slot) throw Error("ERR_PFGM_ARGUMENT", "Expected another slot for the other side");
}

void Trajectories::check_places(const Places& places) const {
  int64_t before = -1;
  for (const int64_t place : places) {
    if (place <= before || place >= count())
      throw Error("ERR_PFGM_ARGUMENT", "Expected places of the pool's " + std::to_string(count()) +
                                           " rows, rising, but received " + std::to_string(place));
    before = place;
  }
}

void Trajectories::check_steps(const std::vector<double>& steps, int64_t rows) const {
  if (int64_t(steps.size()) != rows)
    throw Error("ERR_PFGM_ARGUMENT", "Expected one number a trajectory, " + std::to_string(rows) +
                                         ", but received " + std::to_string(steps.size()));
}

void Trajectories::check(const Combination& y, int64_t rows) const {
  const size_t sets = y.of_x.size();
  if (sets == 0 || (sets != 1 && int64_t(sets) != rows) || y.of_k.size() % sets != 0)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected coefficients for all trajectories at once, or for each of " + std::to_string(rows));
  if (y.of_k.size() / sets > k_.size())
    throw Error("ERR_PFGM_ARGUMENT", "Expected at most " + std::to_string(k_.size()) +
                                         " coefficients, but received " +
                                         std::to_string(y.of_k.size() / sets));
  if (!y.of_noise.empty() || !y.draws.empty()) check_noise(y, rows);
}

void Trajectories::check_noise(const Combination& y, int64_t rows) const {
  if (int64_t(y.of_noise.size()) != rows || int64_t(y.draws.size()) != rows)
    throw Error("ERR_PFGM_ARGUMENT", "Expected a weight and a number of the noise for each of " +
                                         std::to_string(rows) + " trajectories");
  const int64_t most = noise_.defined() ? noise_.size(1) : int64_t(1) << 31;
  for (const int64_t draw : y.draws)
    if (draw < 0 || draw >= most)
      throw Error("ERR_PFGM_ARGUMENT",
                  "Expected draws below " + std::to_string(most) + " but received " + std::to_string(draw));
  if (!noise_.defined()) return;
  for (const Row& row : rows_)
    if (row.key >= uint64_t(noise_.size(0)))
      throw Error("ERR_PFGM_ARGUMENT", "Expected keys below " + std::to_string(noise_.size(0)) +
                                           ", places of the given noise, but received " +
                                           std::to_string(row.key));
}

at::Tensor Trajectories::combine(const Combination& y, const std::vector<double>& steps,
                                 const Places& places) const {
  check_places(places);
  const int64_t rows = count_of(places), dimensions = x_.size(1);
  check(y, rows);
  check_steps(steps, rows);
  at::Tensor out = at::empty({rows, dimensions}, x_.options());
  double* to = out.mutable_data_ptr<double>();
  at::parallel_for(0, rows, grain(dimensions), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = places.empty() ? i : places[i];
      const Terms terms(*this, y, steps[i], i, row);
      for (int64_t c = 0; c < dimensions; ++c) to[i * dimensions + c] = terms(c);
    }
  });
  return out;
}

void Trajectories::keep(const at::Tensor& drift, int64_t slot, const at::Tensor& x,
                        const std::vector<double>& heights, const Places& places, View view) {
  check_slots(slot);
  check_steps(heights, count_of(places));
  if (drift.size(1) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected a flow of " + std::to_string(x_.size(1)) + " dimensions");
  if (keeps_denoised_) {
    put(points_, places, x);
    put(drifts_, places, drift);
  }
  if (view == View::kLogHeight) put(k_[slot], places, drift);
  if (view == View::kHeight) put(k_[slot], places, drift / column(heights));
  if (view == View::kDenoised) put(k_[slot], places, x - drift);
}

void Trajectories::append_rows(const Places& places, Rows& to) const {
  for (int64_t i = 0; i < count_of(places); ++i) {
    to.push_back(rows_[places.empty() ? i : places[i]]);
  }
}

at::Tensor Trajectories::denoised(const Places& places, int64_t columns) const {
  if (!keeps_denoised_) throw Error("ERR_PFGM_ARGUMENT", "Expected a pool that keeps denoised states");
  check_places(places);
  if (columns < 1 || columns > x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected columns to be from 1 to " + std::to_string(x_.size(1)));
  return (rows_at(points_, places) - rows_at(drifts_, places)).narrow(1, 0, columns).contiguous();
}

void Trajectories::replace_denoised(const at::Tensor& values, int64_t slot, std::optional<int64_t> other_side,
                                    const std::vector<double>& heights, const Places& places, View view) {
  const at::NoGradGuard no_grad;
  check_slots(slot, other_side);
  const at::Tensor before = denoised(places, x_.size(1)), after = rows_of(values).clone();
  check_steps(heights, before.size(0));
  if (after.sizes() != before.sizes())
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected a denoised state for each of " + std::to_string(before.size(0)) + " trajectories");
  put(drifts_, places, rows_at(points_, places) - after);
  if (other_side) {
    // A user's own value is on no side.
    if (view != View::kDenoised)
      throw Error("ERR_PFGM_ARGUMENT", "Expected the view denoised where the other side is kept");
    const at::Tensor other = rows_at(k_[*other_side], places);
    put(k_[*other_side], places, at::where(before.eq(after), other, after));
  }
  if (view == View::kDenoised) return put(k_[slot], places, after);
  // From the drift that is there, so that what was not changed keeps its bits.
  at::Tensor change = before - after;
  if (view == View::kHeight) change = change / column(heights);
  put(k_[slot], places, rows_at(k_[slot], places) + change);
}

std::vector<double> Trajectories::norms(const std::vector<SquareSum>& sums, const std::vector<double>& steps,
                                        double atol, double rtol) const {
  const at::NoGradGuard no_grad;
  check_steps(steps, count());
  for (const SquareSum& sum : sums) {
    check(sum.y, count());
    if (sum.next) check(*sum.next, count());
  }
  const Combination none;
  std::vector<double> totals(sums.size() * size_t(count()));
  const int64_t dimensions = x_.size(1);
  at::parallel_for(0, count(), grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      for (size_t j = 0; j < sums.size(); ++j) {
        const Terms value(*this, sums[j].y, steps[i], i, i);
        const Terms after(*this, sums[j].next ? *sums[j].next : none, steps[i], i, i);
        double total = 0;
        for (int64_t c = 0; c < dimensions; ++c) {
          const double size = std::max(std::abs(value.state(c)), std::abs(after(c)));
          const double ratio = value(c) / (atol + rtol * size);
          total += ratio * ratio;
        }
        totals[j * size_t(count()) + size_t(i)] = total;
      }
    }
  });
  return totals;
}

void Trajectories::advance(const Combination& y, const std::vector<double>& steps,
                           const std::vector<char>& moved, int64_t last) {
  const at::NoGradGuard no_grad;
  if (int64_t(moved.size()) != count())
    throw Error("ERR_PFGM_ARGUMENT", "Expected one flag a trajectory, " + std::to_string(count()));
  if (last >= int64_t(k_.size())) throw Error("ERR_PFGM_ARGUMENT", "Expected last to name a slot");
  at::Tensor next = combine(y, steps);
  const bool all = std::all_of(moved.begin(), moved.end(), [](char flag) { return flag != 0; });
  if (all) {
    x_ = next;
    if (last > 0) k_[0] = k_[last];
    return;
  }
  const at::Tensor flags =
      at::tensor(std::vector<int64_t>(moved.begin(), moved.end()), at::kLong).to(at::kBool).unsqueeze(1);
  x_ = at::where(flags, next, x_);
  if (last > 0) k_[0] = at::where(flags, k_[last], k_[0]);
}

void Trajectories::assign(const std::vector<int64_t>& targets, const std::vector<Combination>& values) {
  const at::NoGradGuard no_grad;
  if (targets.size() != values.size()) throw Error("ERR_PFGM_ARGUMENT", "Expected a combination a target");
  for (const int64_t target : targets)
    if (target != -1) check_slots(target);
  const std::vector<double> ones(count(), 1);
  std::vector<at::Tensor> next;
  for (const Combination& value : values) next.push_back(combine(value, ones));
  for (size_t j = 0; j < targets.size(); ++j) (targets[j] < 0 ? x_ : k_[targets[j]]) = next[j];
}

void Trajectories::draw(const std::vector<int64_t>& rows, const Combination& y, at::Tensor& out,
                        const std::vector<int64_t>& out_rows) const {
  const int64_t dimensions = x_.size(1), places = out.numel() / dimensions;
  if (out.scalar_type() != at::kFloat || !out.is_cpu() || !out.is_contiguous() ||
      out.numel() != places * dimensions)
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected out to be float32 with rows of " + std::to_string(dimensions) + " numbers");
  if (rows.size() != out_rows.size() || rows.size() != y.of_x.size())
    throw Error("ERR_PFGM_ARGUMENT", "Expected as many rows, weights and places in out");
  check(y, int64_t(rows.size()));
  float* to = out.mutable_data_ptr<float>();
  for (size_t j = 0; j < rows.size(); ++j) {
    if (rows[j] < 0 || rows[j] >= count() || out_rows[j] < 0 || out_rows[j] >= places)
      throw Error("ERR_PFGM_ARGUMENT", "Expected rows of the pool and of out");
    const Terms terms(*this, y, 1, int64_t(j), rows[j]);
    for (int64_t c = 0; c < dimensions; ++c) to[out_rows[j] * dimensions + c] = float(terms(c));
  }
}

void Trajectories::retire(const std::vector<int64_t>& rows, at::Tensor& out,
                          const std::vector<int64_t>& out_rows) {
  const at::NoGradGuard no_grad;
  if (rows.size() != out_rows.size())
    throw Error("ERR_PFGM_ARGUMENT", "Expected as many places in out as rows");
  std::vector<char> leaves(count(), 0);
  for (int64_t row : rows) {
    if (row < 0 || row >= count() || leaves[row])
      throw Error("ERR_PFGM_ARGUMENT", "Expected rows of the pool, each once");
    leaves[row] = 1;
  }
  for (int64_t row : out_rows)
    if (row < 0 || row >= out.size(0)) throw Error("ERR_PFGM_ARGUMENT", "Expected rows of out");
  if (out.size(0) && out.numel() / out.size(0) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected out to have " + std::to_string(x_.size(1)) + " numbers a row");
  if (!rows.empty())
    out.view({out.size(0), x_.size(1)})
        .index_copy_(0, index(out_rows).to(out.device()), x_.index_select(0, index(rows)).to(out.options()));
  std::vector<int64_t> stays;
  for (int64_t row = 0; row < count(); ++row)
    if (!leaves[row]) stays.push_back(row);
  const at::Tensor kept = index(stays);
  x_ = x_.index_select(0, kept);
  for (size_t i = 0; i < stays.size(); ++i) rows_[i] = rows_[stays[i]];
  rows_.resize(stays.size());
  for (at::Tensor& k : k_) k = k.index_select(0, kept);
  if (!keeps_denoised_) return;
  points_ = points_.index_select(0, kept);
  drifts_ = drifts_.index_select(0, kept);
}

void Trajectories::join(const at::Tensor& start, const Rows& rows) {
  const at::NoGradGuard no_grad;
  const at::Tensor states = rows_of(start);
  if (states.size(1) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected " + std::to_string(x_.size(1)) +
                                         " numbers a trajectory, but received " +
                                         std::to_string(states.size(1)));
  check_rows(rows, states.size(0));
  x_ = at::cat({x_, states});
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  const at::Tensor none = at::zeros_like(states);
  for (at::Tensor& k : k_) k = at::cat({k, none});
  if (!keeps_denoised_) return;
  points_ = at::cat({points_, none});
  drifts_ = at::cat({drifts_, none});
}

}  // namespace pfgm
