#include "ode/trajectories.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <string>

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

// rows from `first` on = values
void put(at::Tensor& rows, int64_t first, const at::Tensor& values) {
  if (first == 0)
    rows = values.contiguous();
  else
    rows.narrow(0, first, values.size(0)).copy_(values);
}

// One row of a combination at a time: a row and its drifts stay in cache. `place` counts from the first row
// that the combination is for.
struct RowTerms {
  RowTerms(const Combination& y, const std::vector<at::Tensor>& k, double step, int64_t place, int64_t row,
           int64_t dimensions) {
    const size_t terms = y.of_k.size() / y.of_x.size(), own = y.of_x.size() == 1 ? 0 : size_t(place);
    of_x = y.of_x[own];
    for (size_t j = 0; j < terms; ++j) {
      const double weight = y.of_k[own * terms + j];
      if (weight == 0) continue;
      weights.push_back(step * weight);
      drifts.push_back(k[j].const_data_ptr<double>() + row * dimensions);
    }
  }
  double operator()(const double* x, int64_t c) const {
    double sum = 0;
    for (size_t j = 0; j < weights.size(); ++j) sum += weights[j] * drifts[j][c];
    return of_x * x[c] + sum;
  }
  double of_x;
  std::vector<double> weights;
  std::vector<const double*> drifts;
};

}  // namespace

Trajectories::Trajectories(const at::Tensor& start, int64_t slots, bool keeps_denoised, std::string queue)
    : queue_(std::move(queue)), x_(rows_of(start).clone()) {
  if (x_.size(1) < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected trajectories of at least one number");
  if (slots < 1 || slots > 64) throw Error("ERR_PFGM_ARGUMENT", "Expected slots to be from 1 to 64");
  for (int64_t j = 0; j < slots; ++j) k_.push_back(at::zeros_like(x_));
  if (keeps_denoised) denoised_ = at::zeros_like(x_);
  while (joined_ < count()) samples_.push_back(joined_++);
}

void Trajectories::check_slots(int64_t slot, std::optional<int64_t> other_side) const {
  for (const int64_t given : {slot, other_side.value_or(slot)})
    if (given < 0 || given >= int64_t(k_.size()))
      throw Error("ERR_PFGM_ARGUMENT", "Expected slot to be from 0 to " + std::to_string(k_.size() - 1));
  if (other_side == slot) throw Error("ERR_PFGM_ARGUMENT", "Expected another slot for the other side");
}

void Trajectories::check_steps(const std::vector<double>& steps, int64_t first) const {
  if (first < 0 || int64_t(steps.size()) != count() - first)
    throw Error("ERR_PFGM_ARGUMENT", "Expected one number a trajectory, " + std::to_string(count() - first) +
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
}

at::Tensor Trajectories::combine(const Combination& y, const std::vector<double>& steps,
                                 int64_t first) const {
  check(y, count() - first);
  check_steps(steps, first);
  const int64_t rows = count() - first, dimensions = x_.size(1);
  at::Tensor out = at::empty({rows, dimensions}, x_.options());
  const double* x = x_.const_data_ptr<double>();
  double* to = out.mutable_data_ptr<double>();
  at::parallel_for(0, rows, grain(dimensions), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const RowTerms terms(y, k_, steps[i], i, first + i, dimensions);
      for (int64_t c = 0; c < dimensions; ++c)
        to[i * dimensions + c] = terms(x + (first + i) * dimensions, c);
    }
  });
  return out;
}

void Trajectories::keep(const at::Tensor& drift, int64_t slot, const at::Tensor& x,
                        const std::vector<double>& heights, int64_t first, View view) {
  check_slots(slot);
  check_steps(heights, first);
  if (drift.size(1) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected a flow of " + std::to_string(x_.size(1)) + " dimensions");
  if (denoised_.defined()) put(denoised_, first, x - drift);
  if (view == View::kLogHeight) put(k_[slot], first, drift);
  if (view == View::kHeight) put(k_[slot], first, drift / column(heights));
  if (view == View::kDenoised) put(k_[slot], first, x - drift);
}

at::Tensor Trajectories::denoised(int64_t first, int64_t columns) const {
  if (!denoised_.defined()) throw Error("ERR_PFGM_ARGUMENT", "Expected a pool that keeps denoised states");
  if (first < 0 || first > count() || columns < 1 || columns > x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected first and columns to lie within the pool");
  return denoised_.narrow(0, first, count() - first).narrow(1, 0, columns).clone();
}

void Trajectories::replace_denoised(const at::Tensor& values, int64_t slot, std::optional<int64_t> other_side,
                                    const std::vector<double>& heights, int64_t first, View view) {
  const at::NoGradGuard no_grad;
  check_slots(slot, other_side);
  check_steps(heights, first);
  const at::Tensor before = denoised(first, x_.size(1)), after = rows_of(values).clone();
  if (after.sizes() != before.sizes())
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected a denoised state for each of " + std::to_string(before.size(0)) + " trajectories");
  put(denoised_, first, after);
  if (other_side) {
    // A user's own value is on no side.
    if (view != View::kDenoised)
      throw Error("ERR_PFGM_ARGUMENT", "Expected the view denoised where the other side is kept");
    const at::Tensor other = k_[*other_side].narrow(0, first, before.size(0));
    put(k_[*other_side], first, at::where(before.eq(after), other, after));
  }
  if (view == View::kDenoised) return put(k_[slot], first, after.clone());
  // From the drift that is there, so that what was not changed keeps its bits.
  at::Tensor change = before - after;
  if (view == View::kHeight) change = change / column(heights);
  put(k_[slot], first, k_[slot].narrow(0, first, before.size(0)) + change);
}

std::vector<double> Trajectories::norms(const Combination& y, const Combination* next,
                                        const std::vector<double>& steps, double atol, double rtol) const {
  const at::NoGradGuard no_grad;
  check(y, count());
  check_steps(steps);
  if (next) check(*next, count());
  std::vector<double> sums(count());
  const int64_t dimensions = x_.size(1);
  const double* x = x_.const_data_ptr<double>();
  at::parallel_for(0, count(), grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const double* row = x + i * dimensions;
      const RowTerms value(y, k_, steps[i], i, i, dimensions);
      const RowTerms after(next ? *next : Combination{}, k_, steps[i], i, i, dimensions);
      double total = 0;
      for (int64_t c = 0; c < dimensions; ++c) {
        const double size = std::max(std::abs(row[c]), std::abs(after(row, c)));
        const double ratio = value(row, c) / (atol + rtol * size);
        total += ratio * ratio;
      }
      sums[i] = total;
    }
  });
  return sums;
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
    const RowTerms terms(y, k_, 1, int64_t(j), rows[j], dimensions);
    const double* x = x_.const_data_ptr<double>() + rows[j] * dimensions;
    for (int64_t c = 0; c < dimensions; ++c) to[out_rows[j] * dimensions + c] = float(terms(x, c));
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
  const auto index = [&](const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); };
  if (!rows.empty())
    out.view({out.size(0), x_.size(1)})
        .index_copy_(0, index(out_rows).to(out.device()), x_.index_select(0, index(rows)).to(out.options()));
  std::vector<int64_t> stays;
  for (int64_t row = 0; row < count(); ++row)
    if (!leaves[row]) stays.push_back(row);
  const at::Tensor kept = index(stays);
  x_ = x_.index_select(0, kept);
  for (size_t i = 0; i < stays.size(); ++i) samples_[i] = samples_[stays[i]];
  samples_.resize(stays.size());
  for (at::Tensor& k : k_) k = k.index_select(0, kept);
  if (denoised_.defined()) denoised_ = denoised_.index_select(0, kept);
}

void Trajectories::join(const at::Tensor& start) {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = rows_of(start);
  if (rows.size(1) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected " + std::to_string(x_.size(1)) +
                                         " numbers a trajectory, but received " +
                                         std::to_string(rows.size(1)));
  x_ = at::cat({x_, rows});
  while (int64_t(samples_.size()) < count()) samples_.push_back(joined_++);
  for (at::Tensor& k : k_) k = at::cat({k, at::zeros_like(rows)});
  if (denoised_.defined()) denoised_ = at::cat({denoised_, at::zeros_like(rows)});
}

std::vector<char> evaluate(const Flow& flow, const std::vector<Evaluation>& evaluations) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> points;
  std::vector<double> heights;
  std::vector<int64_t> samples;
  for (const Evaluation& one : evaluations) {
    one.pool->check_slots(one.slot, one.other_side);
    points.push_back(one.pool->combine(one.y, one.steps, one.first));
    if (int64_t(one.heights.size()) != points.back().size(0) ||
        points.back().size(1) != points.front().size(1))
      throw Error("ERR_PFGM_ARGUMENT", "Expected a height a trajectory, and all of as many numbers");
    heights.insert(heights.end(), one.heights.begin(), one.heights.end());
    samples.insert(samples.end(), one.pool->samples().begin() + one.first, one.pool->samples().end());
  }
  if (points.empty()) throw Error("ERR_PFGM_ARGUMENT", "Expected at least one evaluation");
  const bool both_sides = std::any_of(evaluations.begin(), evaluations.end(),
                                      [](const Evaluation& one) { return one.other_side.has_value(); });
  const Drift drift =
      flow.drift(points.size() == 1 ? points[0] : at::cat(points), heights, samples, both_sides);
  if (both_sides && !drift.other_side.defined())
    throw Error("ERR_PFGM_ARGUMENT", "Expected a flow with two sides for evaluations that ask for the other");
  int64_t begin = 0;
  for (size_t i = 0; i < evaluations.size(); ++i) {
    const Evaluation& one = evaluations[i];
    const int64_t rows = points[i].size(0);
    // A copy where several share the drift, lest a slot hold on to all of it.
    const auto own = [&](const at::Tensor& all) {
      return points.size() == 1 ? all : all.narrow(0, begin, rows).clone();
    };
    // The own side last: its denoised images are the ones that stay.
    if (one.other_side)
      one.pool->keep(own(drift.other_side), *one.other_side, points[i], one.heights, one.first, one.view);
    one.pool->keep(own(drift.value), one.slot, points[i], one.heights, one.first, one.view);
    begin += rows;
  }
  return drift.outside;
}

}  // namespace pfgm
