#include <cmath>

#include "binding/arguments.h"
#include "ode/evaluate.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

std::optional<int64_t> slot_if_given(const Argument& given) {
  if (!given.present()) return {};
  return given.integer();
}

// {ofX, ofK, noise: {weights, draws}}: a number in ofX for all rows, or numbers, one a row; of noise always
// one a row
Combination combination(const Argument& given) {
  const Argument of_x = given["ofX"], noise = given["noise"];
  Combination y{of_x.value().IsNumber() ? std::vector<double>{of_x.number()} : of_x.numbers(),
                given["ofK"].numbers(),
                {},
                {}};
  if (!noise.present()) return y;
  y.of_noise = noise["weights"].numbers();
  y.draws = noise["draws"].int32s();
  return y;
}

// {keys, labels, guidance, guided}: a key each, a label each or none at all, and where there are labels a
// guidance each or none at all, within the heights `guided`.
Rows rows_of(const Argument& given) {
  Rows rows;
  for (const uint64_t key : given["keys"].seeds()) rows.push_back({key, kNoLabel, {}});
  const Argument labels = given["labels"], guidance = given["guidance"], guided = given["guided"];
  if (labels.present()) {
    const std::vector<int64_t> values = labels.int32s();
    if (values.size() != rows.size()) labels.expected("one a key, " + std::to_string(rows.size()));
    for (size_t i = 0; i < rows.size(); ++i) {
      if (values[i] < kNoLabel) labels.expected("at least -1");
      rows[i].label = values[i];
    }
  }
  if (!guidance.present()) return rows;
  const std::vector<double> weights = guidance.numbers();
  if (weights.size() != rows.size()) guidance.expected("one a key, " + std::to_string(rows.size()));
  std::vector<double> heights = {0, INFINITY};
  if (guided.present()) heights = guided.numbers();
  if (heights.size() != 2) guided.expected("two heights");
  for (size_t i = 0; i < rows.size(); ++i) rows[i].guidance = {weights[i], heights[0], heights[1]};
  return rows;
}

// Noise that is given in the place of what would be drawn: [places, draws, ...].
at::Tensor noise_of(const Argument& given) {
  if (!given.present()) return {};
  const at::Tensor noise = given.tensor();
  if (noise.dim() < 3 || noise.numel() == 0) given.expected("[places, draws, ...] with at least one number");
  return noise.to(at::kCPU, at::kDouble).reshape({noise.size(0), noise.size(1), -1}).contiguous();
}

Trajectories::Places places(const Argument& given) {
  if (!given.present()) return {};
  const Trajectories::Places places = given.integers();
  if (places.empty()) given.expected("at least one row, or undefined for all");
  return places;
}

constexpr int64_t kMostNumbers = int64_t(1) << 40;  // of an image: far more than memory holds

View parse_view(const std::string& name) {
  if (name == "logHeight") return View::kLogHeight;
  if (name == "height") return View::kHeight;
  if (name == "denoised") return View::kDenoised;
  throw Error("ERR_PFGM_ARGUMENT",
              "Expected view to be one of logHeight, height, denoised but received " + name);
}

// createTrajectories(start, rows, slots, keepsDenoised, noise, device): resolves to a pool handle. Its calls
// run one after another on the device's thread, so that its state needs no lock.
Napi::Value create(const Call& call) {
  const at::Tensor start = call(0, "start").tensor();
  const Rows rows = rows_of(call(1, "rows"));
  const int64_t slots = call(2, "slots").integer();
  const bool keeps_denoised = call(3, "keepsDenoised").boolean();
  const at::Tensor noise = noise_of(call(4, "noise"));
  const at::Device device = parse_device(call(5, "device").string());
  if (start.dim() < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected start to have one row a trajectory");
  return call.environment().submit(
      queue_name(device),
      [=] {
        return std::make_shared<Trajectories>(start, rows, slots, keeps_denoised, noise, queue_name(device));
      },
      [](Napi::Env env, const std::shared_ptr<Trajectories>& pool) {
        return Napi::Number::New(env, Environment::of(env).add(pool));
      });
}

// evaluateDrifts(flow, evaluations), each {pool, slot, otherSide, y, steps, heights, rows, view}: resolves to
// a flag a row that was evaluated, pool after pool, set where it left the trained region.
Napi::Value evaluate_drifts(const Call& call) {
  const std::shared_ptr<Flow> flow = call(0, "flow").flow();
  std::vector<Evaluation> evaluations;
  for (const Argument& one : call(1, "evaluations").items()) {
    evaluations.push_back({one["pool"].trajectories(), one["slot"].integer(), slot_if_given(one["otherSide"]),
                           combination(one["y"]), one["steps"].numbers(), one["heights"].numbers(),
                           places(one["rows"]), parse_view(one["view"].string())});
    if (evaluations.back().pool->queue() != evaluations.front().pool->queue())
      throw Error("ERR_PFGM_ARGUMENT", "Expected all pools to be of one device");
  }
  if (evaluations.empty()) throw Error("ERR_PFGM_ARGUMENT", "Expected at least one evaluation");
  return call.environment().submit(
      evaluations.front().pool->queue(), [=] { return evaluate(*flow, evaluations); }, flags_to_js);
}

// readDenoised(pool, rows, shape): resolves to the denoised images [rows, ...shape] of rows, or of all.
Napi::Value read_denoised(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const Trajectories::Places of = places(call(1, "rows"));
  std::vector<int64_t> shape = call(2, "shape").integers();
  int64_t columns = 1;
  for (const int64_t size : shape) {
    if (size < 1 || size > kMostNumbers / columns) call(2, "shape").expected("the sizes of an image");
    columns *= size;
  }
  return call.environment().submit(
      pool->queue(),
      [=]() mutable {
        const at::Tensor rows = pool->denoised(of, columns);
        shape.insert(shape.begin(), rows.size(0));
        return rows.reshape(shape);
      },
      tensor_to_js);
}

// replaceDenoised(pool, values, slot, otherSide, heights, rows, view)
Napi::Value replace_denoised(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const at::Tensor values = call(1, "values").tensor();
  const int64_t slot = call(2, "slot").integer();
  const Trajectories::Places of = places(call(5, "rows"));
  const std::optional<int64_t> other_side = slot_if_given(call(3, "otherSide"));
  const std::vector<double> heights = call(4, "heights").numbers();
  const View view = parse_view(call(6, "view").string());
  if (values.dim() < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected values to have one row a trajectory");
  return call.environment().submit(
      pool->queue(),
      [=] {
        pool->replace_denoised(values, slot, other_side, heights, of, view);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// trajectoryNorms(pool, [{y, next}], steps, atol, rtol): resolves to the sums over each row of the squared
// ratios, of all rows for the first pair, then for the next.
Napi::Value norms(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  std::vector<SquareSum> sums;
  for (const Argument& one : call(1, "sums").items()) {
    sums.push_back({combination(one["y"]), {}});
    if (one["next"].present()) sums.back().next = combination(one["next"]);
  }
  const std::vector<double> steps = call(2, "steps").numbers();
  const double atol = call(3, "atol").number(), rtol = call(4, "rtol").number();
  return call.environment().submit(
      pool->queue(), [=] { return pool->norms(sums, steps, atol, rtol); }, numbers_to_js);
}

// advanceTrajectories(pool, y, steps, moved, last)
Napi::Value advance(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const Combination y = combination(call(1, "y"));
  const std::vector<double> steps = call(2, "steps").numbers();
  const std::vector<char> moved = call(3, "moved").flags();
  const int64_t last = call(4, "last").integer();
  return call.environment().submit(
      pool->queue(),
      [=] {
        pool->advance(y, steps, moved, last);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// assignTrajectories(pool, targets, values)
Napi::Value assign(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const std::vector<int64_t> targets = call(1, "targets").integers();
  std::vector<Combination> values;
  for (const Argument& value : call(2, "values").items()) values.push_back(combination(value));
  return call.environment().submit(
      pool->queue(),
      [=] {
        pool->assign(targets, values);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// drawTrajectories(pool, rows, y, out, outRows)
Napi::Value draw(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const std::vector<int64_t> rows = call(1, "rows").integers(), out_rows = call(4, "outRows").integers();
  const Combination y = combination(call(2, "y"));
  const at::Tensor out = call(3, "out").tensor();
  return call.environment().submit(
      pool->queue(),
      [=] {
        at::Tensor to = out;
        pool->draw(rows, y, to, out_rows);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// retireTrajectories(pool, rows, out, outRows)
Napi::Value retire(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const std::vector<int64_t> rows = call(1, "rows").integers(), out_rows = call(3, "outRows").integers();
  const at::Tensor out = call(2, "out").tensor();
  if (out.dim() < 1 || !out.is_contiguous())
    throw Error("ERR_PFGM_ARGUMENT", "Expected out to have one row a sample");
  return call.environment().submit(
      pool->queue(),
      [=] {
        at::Tensor to = out;
        pool->retire(rows, to, out_rows);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// joinTrajectories(pool, start, rows)
Napi::Value join(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const at::Tensor start = call(1, "start").tensor();
  const Rows rows = rows_of(call(2, "rows"));
  if (start.dim() < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected start to have one row a trajectory");
  return call.environment().submit(
      pool->queue(),
      [=] {
        pool->join(start, rows);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// trajectoryState(pool): resolves to the states now, [b, N] float64.
Napi::Value state(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  return call.environment().submit(
      pool->queue(), [=] { return pool->state().clone(); }, tensor_to_js);
}

}  // namespace

const std::vector<Export>& ode_exports() {
  static const std::vector<Export> table = {
      {"createTrajectories", 6, create},   {"evaluateDrifts", 2, evaluate_drifts},
      {"trajectoryNorms", 5, norms},       {"drawTrajectories", 5, draw},
      {"readDenoised", 3, read_denoised},  {"replaceDenoised", 7, replace_denoised},
      {"advanceTrajectories", 5, advance}, {"retireTrajectories", 4, retire},
      {"joinTrajectories", 3, join},       {"assignTrajectories", 3, assign},
      {"trajectoryState", 1, state}};
  return table;
}

}  // namespace pfgm
