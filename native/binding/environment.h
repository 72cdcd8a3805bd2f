// The state of one JavaScript environment (the main thread or a worker): its handles and its pending
// promises.
#pragma once

#include <ATen/core/Tensor.h>
#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <variant>
#include <vector>

#include "flow/flow.h"
#include "io/file_lock.h"
#include "metrics/features.h"
#include "nn/network.h"
#include "ode/trajectories.h"
#include "runtime/stop.h"
#include "train/trainer.h"

namespace pfgm {

// What a handle may stand for. JavaScript holds numbers; a job holds a share of what it works on, so
// disposing of a handle in mid-call is safe.
using Object =
    std::variant<at::Tensor, std::shared_ptr<Network>, std::shared_ptr<Trainer>, std::shared_ptr<Flow>,
                 std::shared_ptr<Trajectories>, std::shared_ptr<FileLock>, std::shared_ptr<FeatureNetwork>>;

class Environment {
 public:
  static Environment& of(Napi::Env env);
  static void start(Napi::Env env);

  uint32_t add(Object object);
  const Object& get(uint32_t id) const;  // throws ERR_PFGM_DISPOSED
  bool dispose(uint32_t id);
  size_t live_handles() const { return handles_.size(); }
  int64_t live_bytes() const { return live_bytes_; }

  // Runs `work` on the device's thread and settles the promise with what `reply` makes of its result. `work`
  // must not touch JavaScript; it may throw.
  template <class Work, class Reply>
  Napi::Value submit(const std::string& device, Work work, Reply reply) {
    using Result = std::invoke_result_t<Work>;
    auto result = std::make_shared<std::optional<Result>>();
    return post(
        device, [work = std::move(work), result]() mutable { result->emplace(work()); },
        [reply = std::move(reply), result](Napi::Env env) -> Napi::Value { return reply(env, **result); });
  }

  // Asks the job whose promise this is to stop; false where it has ended or is past what can be stopped.
  bool stop(const Napi::Promise& call);

  Napi::FunctionReference error_class;  // PfgmError of src/errors.ts

 private:
  struct Handle {
    Object object;
    int64_t bytes;
  };
  // The part that a device's thread touches; outlives the environment.
  struct Letter;
  struct Mailbox;

  explicit Environment(Napi::Env env);
  static void end(void* self);
  Napi::Value post(const std::string& device, std::function<void()> work,
                   std::function<Napi::Value(Napi::Env)> reply);
  uint32_t add_job(Napi::Promise promise);
  void deliver();
  void deliver(Letter& letter);

  Napi::Env env_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<uint32_t, Handle> handles_;
  uint32_t next_id_ = 1;
  int64_t live_bytes_ = 0;
  std::unordered_map<uint32_t, std::shared_ptr<Stop>> jobs_;  // under way, by number
  uint32_t next_job_ = 1;
};

// The current exception as a JavaScript value: PfgmError with a code, TypeError for ERR_PFGM_ARGUMENT.
struct Failure {
  std::string code;
  std::string message;
};
Failure current_failure();
Napi::Value to_js(Napi::Env env, const Failure& failure);

}  // namespace pfgm
