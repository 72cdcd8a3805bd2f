// The module: every exported function behind one wrapper that turns C++ exceptions into JavaScript errors.
#include <napi.h>

#include "binding/arguments.h"
#include "runtime/device_queue.h"

namespace pfgm {
namespace {

Napi::Value invoke(const Napi::CallbackInfo& info) {
  const auto* entry = static_cast<const Export*>(info.Data());
  try {
    return entry->call(Call{info});
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    napi_throw(info.Env(), to_js(info.Env(), current_failure()));
    return info.Env().Undefined();
  }
}

void guard_end_of_process(Napi::Env env) {
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const Napi::Function guard =
      Napi::Function::New(env, [](const Napi::CallbackInfo&) { guard_process_exit(); });
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), guard});
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  Environment::start(env);
  guard_end_of_process(env);
  Napi::Object signatures = Napi::Object::New(env);
  for (const auto* table : {&runtime_exports(), &tensor_exports(), &network_exports(), &flow_exports(),
                            &likelihood_exports(), &train_exports(), &ode_exports(), &metrics_exports(),
                            &evaluation_exports(), &io_exports(), &cuda_exports()})
    for (const Export& entry : *table) {
      exports.Set(entry.name, Napi::Function::New(env, invoke, entry.name, const_cast<Export*>(&entry)));
      signatures.Set(entry.name, entry.parameters);
    }
  exports.Set("signatures", signatures);
  return exports;
}

}  // namespace
}  // namespace pfgm

static Napi::Object start_pfgm_torch(Napi::Env env, Napi::Object exports) {
  return pfgm::start(env, exports);
}
NODE_API_MODULE(pfgm_torch, start_pfgm_torch)
