// An addon that opens shared libraries by their paths. What is loaded after them finds them by their names,
// wherever they are: so the addon that comes with the package, which knows no libtorch's place, finds the one
// that there is.
#include <dlfcn.h>
#include <node_api.h>

#include <string>

namespace {

/** `open(path)`: what keeps a library from being opened, or undefined. It stays open. */
napi_value open(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value path, said;
  napi_get_undefined(env, &said);
  napi_get_cb_info(env, info, &count, &path, nullptr, nullptr);
  if (count < 1 || napi_get_value_string_utf8(env, path, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "Expected the path of a library");
    return nullptr;
  }
  std::string text(length + 1, '\0');
  napi_get_value_string_utf8(env, path, text.data(), text.size(), &length);
  if (dlopen(text.c_str(), RTLD_NOW | RTLD_LOCAL)) return said;
  const char* error = dlerror();
  napi_create_string_utf8(env, error ? error : "not opened", NAPI_AUTO_LENGTH, &said);
  return said;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open, nullptr, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}
