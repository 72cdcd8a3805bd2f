#include "plan/kernel.h"

#if defined(PFGM_HAVE_AVX2)
#include "runtime/instructions.h"
#endif
#if defined(PFGM_HAVE_AMX)
#include "runtime/matrix_unit.h"
#endif

namespace pfgm::plan {

const std::vector<const Kernel*>& available_kernels() {
  static const std::vector<const Kernel*> kernels = [] {
    std::vector<const Kernel*> found;
#if defined(PFGM_HAVE_AMX)
    if (has_avx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("amx-tile") &&
        __builtin_cpu_supports("amx-bf16") && tiles_permitted())
      found.push_back(&amx_kernel());
#endif
#if defined(PFGM_HAVE_BF16)
    if (has_avx512() && __builtin_cpu_supports("avx512bf16")) found.push_back(&bf16_kernel());
#endif
#if defined(PFGM_HAVE_AVX512)
    if (has_avx512()) found.push_back(&avx512_kernel());
#endif
#if defined(PFGM_HAVE_AVX2)
    if (has_avx2()) found.push_back(&avx2_kernel());
#endif
    found.push_back(&portable_kernel());
    return found;
  }();
  return kernels;
}

}  // namespace pfgm::plan
