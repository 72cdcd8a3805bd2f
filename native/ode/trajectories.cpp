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

Trajectories::Trajectories(const at::Tensor& start, int64_t slots, std::string queue)
    : queue_(std::move(queue)), x_(rows_of(start).clone()) {
  if (x_.size(1) < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected trajectories of at least one number");
  if (slots < 1 || slots > 64) throw Error("ERR_PFGM_ARGUMENT", "Expected slots to be from 1 to 64");
  for (int64_t j = 0; j < slots; ++j) k_.push_back(at::zeros_like(x_));
  while (joined_ < count()) samples_.push_back(joined_++);
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

std::vector<char> Trajectories::evaluate(const Flow& flow, int64_t slot, const Combination& y,
                                         const std::vector<double>& steps, const std::vector<double>& heights,
                                         int64_t first, View view) {
  const at::NoGradGuard no_grad;
  if (slot < 0 || slot >= int64_t(k_.size()))
    throw Error("ERR_PFGM_ARGUMENT", "Expected slot to be from 0 to " + std::to_string(k_.size() - 1));
  check_steps(heights, first);
  const at::Tensor x = combine(y, steps, first);
  Drift drift = flow.drift(x, heights, {samples_.begin() + first, samples_.end()});
  if (drift.value.size(1) != x_.size(1))
    throw Error("ERR_PFGM_ARGUMENT", "Expected a flow of " + std::to_string(x_.size(1)) + " dimensions");
  if (view == View::kHeight) drift.value = drift.value / column(heights);
  if (view == View::kDenoised) drift.value = x - drift.value;
  if (first == 0)
    k_[slot] = drift.value.contiguous();
  else
    k_[slot].narrow(0, first, count() - first).copy_(drift.value);
  return drift.outside;
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
}

}  // namespace pfgm
