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

Napi::Object start(Napi::Env env, Napi::Object exports) {
  static std::once_flag once;
  std::call_once(once, guard_process_exit);
  Environment::start(env);
  Napi::Object signatures = Napi::Object::New(env);
  for (const auto* table : {&runtime_exports(), &tensor_exports(), &network_exports(), &flow_exports(),
                            &train_exports(), &ode_exports(), &metrics_exports(), &io_exports()})
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
