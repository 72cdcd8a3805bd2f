#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/CPUAllocator.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <set>
#include <thread>

#include "binding/arguments.h"
#include "field/sums.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/profile.h"

namespace pfgm {
namespace {

// initialise(PfgmError): the class that native failures are thrown as, in this environment.
Napi::Value initialise(const Call& call) {
  call.environment().error_class = Napi::Persistent(call(0, "PfgmError").function());
  return call.env().Undefined();
}

// info(): versions, instruction set, devices.
Napi::Value info(const Call& call) {
  Napi::Object object = Napi::Object::New(call.env());
  object.Set("libtorch", TORCH_VERSION);
  object.Set("version", PFGM_VERSION);
  object.Set("instructions", at::get_cpu_capability());
  object.Set("fieldKernel", field::current_kernel().name);
  object.Set("cores", std::thread::hardware_concurrency());
  object.Set("cudaDevices", at::hasCUDA() ? double(at::detail::getCUDAHooks().deviceCount()) : 0.0);
  return object;
}

// loadCuda(path): linkers drop libtorch_cuda, so it is loaded by name; returns '' or what went wrong.
Napi::Value load_cuda(const Call& call) {
  const std::string path = call(0, "path").path();
  if (::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) return Napi::String::New(call.env(), "");
  const char* reason = ::dlerror();
  return Napi::String::New(call.env(), reason ? reason : "unknown");
}

// checkDevice(name): throws where there is no such device.
Napi::Value check_device(const Call& call) {
  parse_device(call(0, "device").string());
  return call.env().Undefined();
}

// setThreads(count): libtorch's threads, which belong to the CPU's queue. Resolves to the number in force.
Napi::Value set_threads(const Call& call) {
  const int64_t count = call(0, "threads").integer();
  if (count < 1 || count > 1024) call(0, "threads").expected("from 1 to 1024");
  return call.environment().submit(
      "cpu",
      [count] {
        at::set_num_threads(int(count));
        return at::get_num_threads();
      },
      [](Napi::Env env, int threads) { return Napi::Number::New(env, threads); });
}

// stop(call): asks the call of this promise to stop, which rejects it with ERR_PFGM_STOPPED. False where it
// has ended, or is about to and cannot be stopped any more.
Napi::Value stop(const Call& call) {
  const Napi::Value promise = call(0, "call").value();
  if (!promise.IsPromise()) call(0, "call").expected("the promise of a call");
  return Napi::Boolean::New(call.env(), call.environment().stop(promise.As<Napi::Promise>()));
}

// countThreads(): how many threads a parallel loop really uses, by counting them.
Napi::Value count_threads(const Call& call) {
  return call.environment().submit(
      "cpu",
      [] {
        std::mutex mutex;
        std::set<std::thread::id> seen;
        at::parallel_for(0, 256, 1, [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) std::this_thread::sleep_for(std::chrono::microseconds(50));
          std::lock_guard<std::mutex> lock(mutex);
          seen.insert(std::this_thread::get_id());
        });
        return double(seen.size());
      },
      [](Napi::Env env, double count) { return Napi::Number::New(env, count); });
}

// fieldKernels(): names of the kernels that this machine can run, the fastest first.
Napi::Value field_kernels(const Call& call) {
  Napi::Array names = Napi::Array::New(call.env());
  for (const field::Kernel* kernel : field::available_kernels()) names.Set(names.Length(), kernel->name);
  return names;
}

// chooseFieldKernel(name, form): uses that one from now on, in the whole process.
Napi::Value choose_field_kernel(const Call& call) {
  static const std::map<std::string, field::Form> forms = {{"auto", field::Form::kByCost},
                                                           {"differences", field::Form::kDifferences},
                                                           {"product", field::Form::kProduct},
                                                           {"bytes", field::Form::kBytes}};
  const auto form = forms.find(call(1, "form").string());
  if (form == forms.end()) call(1, "form").expected("auto, differences, product or bytes");
  if (!field::choose_kernel(call(0, "name").string().c_str()))
    call(0, "name").expected("one of fieldKernels()");
  field::choose_form(form->second);
  return call.env().Undefined();
}

// memory(): this environment's live handles and their bytes, and the process's resident memory, now and at
// its peak.
Napi::Value memory(const Call& call) {
  Napi::Object object = Napi::Object::New(call.env());
  object.Set("handles", double(call.environment().live_handles()));
  object.Set("bytes", double(call.environment().live_bytes()));
  object.Set("resident", resident_bytes());
  object.Set("peak", peak_resident_bytes());
  return object;
}

// startProfile(): records spans from now on, in the whole process; false where that is under way already.
Napi::Value start_profile_of_process(const Call& call) {
  return Napi::Boolean::New(call.env(), start_profile());
}

// stopProfile(): {names, threads, times, leftOut}: of each span its name, thread, and begin and duration in
// microseconds of the clock that process.hrtime reads.
Napi::Value stop_profile_of_process(const Call& call) {
  const Profile profile = stop_profile();
  const size_t count = profile.spans.size();
  Napi::Array names = Napi::Array::New(call.env(), count);
  Napi::Int32Array threads = Napi::Int32Array::New(call.env(), count);
  Napi::Float64Array times = Napi::Float64Array::New(call.env(), 2 * count);
  using Microseconds = std::chrono::duration<double, std::micro>;
  for (size_t i = 0; i < count; ++i) {
    const RecordedSpan& span = profile.spans[i];
    names.Set(uint32_t(i), span.name);
    threads[i] = span.thread;
    times[2 * i] = Microseconds(span.begin.time_since_epoch()).count();
    times[2 * i + 1] = Microseconds(span.end - span.begin).count();
  }
  Napi::Object object = Napi::Object::New(call.env());
  object.Set("names", names);
  object.Set("threads", threads);
  object.Set("times", times);
  object.Set("leftOut", double(profile.left_out));
  return object;
}

// dispose(handle): whether it was live.
Napi::Value dispose(const Call& call) {
  return Napi::Boolean::New(call.env(), call.environment().dispose(call(0, "handle").id()));
}

}  // namespace

const std::vector<Export>& runtime_exports() {
  static const std::vector<Export> table = {{"initialise", 1, initialise},
                                            {"info", 0, info},
                                            {"loadCuda", 1, load_cuda},
                                            {"checkDevice", 1, check_device},
                                            {"setThreads", 1, set_threads},
                                            {"countThreads", 0, count_threads},
                                            {"stop", 1, stop},
                                            {"memory", 0, memory},
                                            {"fieldKernels", 0, field_kernels},
                                            {"chooseFieldKernel", 2, choose_field_kernel},
                                            {"startProfile", 0, start_profile_of_process},
                                            {"stopProfile", 0, stop_profile_of_process},
                                            {"dispose", 1, dispose}};
  return table;
}

}  // namespace pfgm
