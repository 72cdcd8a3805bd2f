#include "field/kernel.h"

#include <atomic>
#include <cstring>

#if defined(PFGM_HAVE_AMX)
#include "runtime/matrix_unit.h"
#endif

#if defined(PFGM_HAVE_AVX2)
#include "runtime/instructions.h"
#endif

namespace pfgm::field {
namespace {

#if defined(PFGM_HAVE_AMX)
const Kernel* with_bytes(const char* name, const ByteKernel& bytes) {
  const Kernel& floats = avx512_kernel();
  return new Kernel{name, floats.differences, floats.product, floats.weighing,
                    &bytes};  // for as long as the process lives
}
#endif

}  // namespace

const std::vector<const Kernel*>& available_kernels() {
  static const std::vector<const Kernel*> kernels = [] {
    std::vector<const Kernel*> found;
#if defined(PFGM_HAVE_AVX512)
    if (has_avx512()) {
#if defined(PFGM_HAVE_AMX)
      if (__builtin_cpu_supports("avx512vnni")) {
        if (__builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") && tiles_permitted())
          found.push_back(with_bytes("amx", kAmxBytes));
        found.push_back(with_bytes("vnni", kVnniBytes));
      }
#endif
      found.push_back(&avx512_kernel());
    }
#endif
#if defined(PFGM_HAVE_AVX2)
    if (has_avx2()) found.push_back(&avx2_kernel());
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
