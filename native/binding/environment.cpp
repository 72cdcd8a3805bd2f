#include "binding/environment.h"

#include <c10/util/Exception.h>

#include <new>
#include <optional>

#include "runtime/device_queue.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr char kJob[] = "job";

int64_t bytes_of(const Object& object) {
  if (const auto* tensor = std::get_if<at::Tensor>(&object)) return int64_t(tensor->nbytes());
  if (const auto* network = std::get_if<std::shared_ptr<Network>>(&object)) {
    int64_t bytes = 0;
    for (const Parameter& parameter : (*network)->parameters()) bytes += int64_t(parameter.value.nbytes());
    return bytes;
  }
  if (const auto* trainer = std::get_if<std::shared_ptr<Trainer>>(&object)) return (*trainer)->bytes();
  if (const auto* features = std::get_if<std::shared_ptr<FeatureNetwork>>(&object)) {
    int64_t bytes = 0;
    for (const auto& entry : (*features)->state()) bytes += int64_t(entry.second.nbytes());
    return bytes;
  }
  return 0;  // flows and locks own nothing; trajectories come and go with their pool
}

}  // namespace

struct Environment::Letter {
  uint32_t job;
  Napi::Promise::Deferred deferred;
  std::function<Napi::Value(Napi::Env)> reply;
  std::optional<Failure> failure;
};

struct Environment::Mailbox {
  std::mutex mutex;
  bool open = true;
  napi_threadsafe_function wake = nullptr;
  std::vector<Letter> letters;
};

Environment& Environment::of(Napi::Env env) {
  return *env.GetInstanceData<Environment>();
}

void Environment::start(Napi::Env env) {
  auto* self = new Environment(env);
  env.SetInstanceData<Environment>(self);
}

Environment::Environment(Napi::Env env) : env_(env), mailbox_(std::make_shared<Mailbox>()) {
  napi_value name = Napi::String::New(env, "pfgm-torch");
  const auto call = [](napi_env raw, napi_value, void* context, void*) {
    if (raw) static_cast<Environment*>(context)->deliver();
  };
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, call,
                                      &mailbox_->wake) != napi_ok)
    throw Napi::Error::New(env, "could not create the queue of finished calls");
  napi_unref_threadsafe_function(env, mailbox_->wake);
  napi_add_env_cleanup_hook(env, end, this);  // runs before the thread-safe function's own hook
}

// The environment ends (process exit or a worker's end): nothing may be delivered to it any more. Jobs under
// way own what they use, and stop as soon as they can.
void Environment::end(void* raw) {
  auto* self = static_cast<Environment*>(raw);
  std::vector<Letter> undelivered;
  {
    std::lock_guard<std::mutex> lock(self->mailbox_->mutex);
    self->mailbox_->open = false;
    undelivered.swap(self->mailbox_->letters);
  }
  napi_release_threadsafe_function(self->mailbox_->wake, napi_tsfn_abort);
  for (auto& [job, stop] : self->jobs_) stop->raise();
  self->handles_.clear();
  guard_process_exit();  // a worker that process.exit() in another thread ends has no exit event
}

uint32_t Environment::add(Object object) {
  const int64_t bytes = bytes_of(object);
  while (next_id_ == 0 || handles_.count(next_id_)) ++next_id_;
  const uint32_t id = next_id_++;
  handles_.emplace(id, Handle{std::move(object), bytes});
  live_bytes_ += bytes;
  Napi::MemoryManagement::AdjustExternalMemory(env_, bytes);
  return id;
}

const Object& Environment::get(uint32_t id) const {
  const auto found = handles_.find(id);
  if (found == handles_.end())
    throw Error("ERR_PFGM_DISPOSED", "Expected a live handle but received one that was disposed of");
  return found->second.object;
}

bool Environment::dispose(uint32_t id) {
  const auto found = handles_.find(id);
  if (found == handles_.end()) return false;
  live_bytes_ -= found->second.bytes;
  Napi::MemoryManagement::AdjustExternalMemory(env_, -found->second.bytes);
  // Freeing a large network takes as long as some frames: not on the thread of the event loop. A lock is free
  // at once.
  const bool quick = std::holds_alternative<at::Tensor>(found->second.object) ||
                     std::holds_alternative<std::shared_ptr<FileLock>>(found->second.object);
  if (!quick) DeviceQueue::of("cpu").post([object = std::move(found->second.object)] {});
  handles_.erase(found);
  return true;
}

Napi::Value Environment::post(const std::string& device, std::function<void()> work,
                              std::function<Napi::Value(Napi::Env)> reply) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env_);
  const uint32_t job = add_job(deferred.Promise());
  const std::shared_ptr<Stop> stop = jobs_.at(job);
  DeviceQueue::of(device).post(
      [work = std::move(work), reply = std::move(reply), job, stop, deferred, mailbox = mailbox_]() mutable {
        {
          std::lock_guard<std::mutex> lock(mailbox->mutex);
          if (!mailbox->open) return;
        }
        std::optional<Failure> failure;
        try {
          const Stop::Scope scope(*stop);
          stop->check();
          work();
        } catch (...) {
          failure = current_failure();
        }
        work = nullptr;  // free what the job held before the caller hears of it
        std::lock_guard<std::mutex> lock(mailbox->mutex);
        if (!mailbox->open) return;
        mailbox->letters.push_back({job, deferred, std::move(reply), std::move(failure)});
        napi_call_threadsafe_function(mailbox->wake, nullptr, napi_tsfn_nonblocking);
      });
  return deferred.Promise();
}

// The promise carries its job's number, by which it can be stopped.
uint32_t Environment::add_job(Napi::Promise promise) {
  if (jobs_.empty()) napi_ref_threadsafe_function(env_, mailbox_->wake);
  while (jobs_.count(next_job_)) ++next_job_;
  const uint32_t job = next_job_++;
  jobs_.emplace(job, std::make_shared<Stop>());
  promise.DefineProperty(Napi::PropertyDescriptor::Value(kJob, Napi::Number::New(env_, job)));
  return job;
}

bool Environment::stop(const Napi::Promise& call) {
  const Napi::Value job = call.Get(kJob);
  const auto found = job.IsNumber() ? jobs_.find(job.As<Napi::Number>().Uint32Value()) : jobs_.end();
  return found != jobs_.end() && found->second->raise();
}

void Environment::deliver() {
  std::vector<Letter> letters;
  {
    std::lock_guard<std::mutex> lock(mailbox_->mutex);
    letters.swap(mailbox_->letters);
  }
  for (Letter& letter : letters) {
    jobs_.erase(letter.job);
    if (jobs_.empty()) napi_unref_threadsafe_function(env_, mailbox_->wake);
    try {
      deliver(letter);
    } catch (const Napi::Error&) {
      return;  // nothing more can be told to a worker that is being terminated
    }
  }
}

void Environment::deliver(Letter& letter) {
  const Napi::HandleScope scope(env_);
  try {
    if (!letter.failure) {
      letter.deferred.Resolve(letter.reply(env_));
      return;
    }
  } catch (const Napi::Error& error) {
    letter.deferred.Reject(error.Value());
    return;
  } catch (...) {
    letter.failure = current_failure();
  }
  letter.deferred.Reject(to_js(env_, *letter.failure));
}

namespace {

// What libtorch says of memory that it did not get, without where in its source it says so: "... you tried to
// allocate 256000000000 bytes. Error code 12 ..." of the CPU, "... Tried to allocate 20.00 GiB. GPU 0 has
// ...".
std::string no_room(const std::string& said) {
  const std::string before = "ried to allocate ";
  const size_t found = said.find(before);
  if (found == std::string::npos) return "No room for the numbers of a call";
  const size_t begin = found + before.size();
  const bool gpu = said[found - 1] == 'T';
  return "No room for " + said.substr(begin, said.find(". ", begin) - begin) + " of numbers" +
         (gpu ? " on the GPU" : "");
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return {"ERR_PFGM_OUT_OF_MEMORY", no_room(error.what_without_backtrace())};
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    // libtorch's CPU allocator has no type of its own for this.
    const bool memory = message.find("not enough memory") != std::string::npos ||
                        message.find("can't allocate memory") != std::string::npos;
    if (memory) return {"ERR_PFGM_OUT_OF_MEMORY", no_room(message)};
    return {"ERR_PFGM_LIBTORCH", message};
  } catch (const std::bad_alloc&) {
    return {"ERR_PFGM_OUT_OF_MEMORY", "No room for the numbers of a call"};
  } catch (const std::length_error&) {
    return {"ERR_PFGM_OUT_OF_MEMORY", "No room for the numbers of a call: more than a buffer can have"};
  } catch (const std::exception& error) {
    return {"ERR_PFGM_LIBTORCH", error.what()};
  } catch (...) {
    return {"ERR_PFGM_LIBTORCH", "an unknown failure in native code"};
  }
}

Napi::Value to_js(Napi::Env env, const Failure& failure) {
  if (failure.code == "ERR_PFGM_ARGUMENT") return Napi::TypeError::New(env, failure.message).Value();
  Napi::FunctionReference& error_class = Environment::of(env).error_class;
  if (!error_class.IsEmpty())
    return error_class.New({Napi::String::New(env, failure.code), Napi::String::New(env, failure.message)});
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error.Value();
}

}  // namespace pfgm
