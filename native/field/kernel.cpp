#include "field/kernel.h"

#include <atomic>
#include <cstring>

namespace pfgm::field {

const std::vector<const Kernel*>& available_kernels() {
  static const std::vector<const Kernel*> kernels = [] {
    std::vector<const Kernel*> found;
#if defined(PFGM_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
      found.push_back(&avx512_kernel());
#endif
#if defined(PFGM_HAVE_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2_kernel());
#endif
    found.push_back(&portable_kernel());
    return found;
  }();
  return kernels;
}

namespace {

std::atomic<const Kernel*>& chosen() {
  static std::atomic<const Kernel*> kernel{available_kernels().front()};
  return kernel;
}

}  // namespace

const Kernel& current_kernel() {
  return *chosen();
}

bool choose_kernel(const char* name) {
  for (const Kernel* kernel : available_kernels()) {
    if (std::strcmp(kernel->name, name) != 0) continue;
    chosen() = kernel;
    return true;
  }
  return false;
}

}  // namespace pfgm::field
