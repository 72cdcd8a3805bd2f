#include "ode/evaluate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "flow/guidance.h"
#include "runtime/error.h"
#include "runtime/profile.h"

namespace pfgm {

std::vector<char> evaluate(const Flow& flow, const std::vector<Evaluation>& evaluations) {
  const Span span([&] {
    size_t rows = 0;
    for (const Evaluation& one : evaluations) rows += one.heights.size();
    return "evaluate, " + std::to_string(rows) + " rows";
  });
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> points;
  std::vector<double> heights;
  Rows rows;
  for (const Evaluation& one : evaluations) {
    one.pool->check_slots(one.slot, one.other_side);
    points.push_back(one.pool->combine(one.y, one.steps, one.places));
    if (int64_t(one.heights.size()) != points.back().size(0) ||
        points.back().size(1) != points.front().size(1))
      throw Error("ERR_PFGM_ARGUMENT", "Expected a height a trajectory, and all of as many numbers");
    heights.insert(heights.end(), one.heights.begin(), one.heights.end());
    one.pool->append_rows(one.places, rows);
  }
  if (points.empty()) throw Error("ERR_PFGM_ARGUMENT", "Expected at least one evaluation");
  const bool both_sides = std::any_of(evaluations.begin(), evaluations.end(),
                                      [](const Evaluation& one) { return one.other_side.has_value(); });
  const Drift drift =
      guided_drift(flow, points.size() == 1 ? points[0] : at::cat(points), heights, rows, both_sides);
  if (both_sides && !drift.other_side.defined())
    throw Error("ERR_PFGM_ARGUMENT", "Expected a flow with two sides for evaluations that ask for the other");
  int64_t begin = 0;
  for (size_t i = 0; i < evaluations.size(); ++i) {
    const Evaluation& one = evaluations[i];
    const int64_t count = points[i].size(0);
    // A copy where several share the drift, lest a slot hold on to all of it.
    const auto own = [&](const at::Tensor& all) {
      return points.size() == 1 ? all : all.narrow(0, begin, count).clone();
    };
    // The own side last: its denoised images are the ones that stay.
    if (one.other_side)
      one.pool->keep(own(drift.other_side), *one.other_side, points[i], one.heights, one.places, one.view);
    one.pool->keep(own(drift.value), one.slot, points[i], one.heights, one.places, one.view);
    begin += count;
  }
  return drift.outside;
}

}  // namespace pfgm
