#include "binding/arguments.h"
#include "ode/trajectories.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

// {ofX, ofK}: a number for all rows, or numbers, one a row
Combination combination(const Argument& given) {
  const Argument of_x = given["ofX"];
  return {of_x.value().IsNumber() ? std::vector<double>{of_x.number()} : of_x.numbers(),
          given["ofK"].numbers()};
}

View parse_view(const std::string& name) {
  if (name == "logHeight") return View::kLogHeight;
  if (name == "height") return View::kHeight;
  if (name == "denoised") return View::kDenoised;
  throw Error("ERR_PFGM_ARGUMENT",
              "Expected view to be one of logHeight, height, denoised but received " + name);
}

// createTrajectories(start, slots, device): resolves to a pool handle. Its calls run one after another on the
// device's thread, so that its state needs no lock.
Napi::Value create(const Call& call) {
  const at::Tensor start = call(0, "start").tensor();
  const int64_t slots = call(1, "slots").integer();
  const at::Device device = parse_device(call(2, "device").string());
  if (start.dim() < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected start to have one row a trajectory");
  return call.environment().submit(
      queue_name(device),
      [start, slots, device] { return std::make_shared<Trajectories>(start, slots, queue_name(device)); },
      [](Napi::Env env, const std::shared_ptr<Trajectories>& pool) {
        return Napi::Number::New(env, Environment::of(env).add(pool));
      });
}

// evaluateDrift(pool, flow, slot, y, steps, heights, first, view): resolves to a flag a trajectory from
// `first` on, set where it left the trained region.
Napi::Value evaluate(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const std::shared_ptr<Flow> flow = call(1, "flow").flow();
  const int64_t slot = call(2, "slot").integer();
  const Combination y = combination(call(3, "y"));
  const std::vector<double> steps = call(4, "steps").numbers(), heights = call(5, "heights").numbers();
  const int64_t first = call(6, "first").integer();
  const View view = parse_view(call(7, "view").string());
  return call.environment().submit(
      pool->queue(), [=] { return pool->evaluate(*flow, slot, y, steps, heights, first, view); },
      flags_to_js);
}

// trajectoryNorms(pool, y, next, steps, atol, rtol): resolves to the sum over each row of the squared ratio.
Napi::Value norms(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const Combination y = combination(call(1, "y"));
  std::optional<Combination> next;
  if (call(2, "next").present()) next = combination(call(2, "next"));
  const std::vector<double> steps = call(3, "steps").numbers();
  const double atol = call(4, "atol").number(), rtol = call(5, "rtol").number();
  return call.environment().submit(
      pool->queue(), [=] { return pool->norms(y, next ? &*next : nullptr, steps, atol, rtol); },
      numbers_to_js);
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

// joinTrajectories(pool, start)
Napi::Value join(const Call& call) {
  const std::shared_ptr<Trajectories> pool = call(0, "pool").trajectories();
  const at::Tensor start = call(1, "start").tensor();
  if (start.dim() < 1) throw Error("ERR_PFGM_ARGUMENT", "Expected start to have one row a trajectory");
  return call.environment().submit(
      pool->queue(),
      [=] {
        pool->join(start);
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
      {"createTrajectories", 3, create},   {"evaluateDrift", 8, evaluate},    {"trajectoryNorms", 6, norms},
      {"advanceTrajectories", 5, advance}, {"retireTrajectories", 4, retire}, {"joinTrajectories", 2, join},
      {"trajectoryState", 1, state}};
  return table;
}

}  // namespace pfgm
