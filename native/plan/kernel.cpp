#include "plan/kernel.h"

namespace pfgm::plan {

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

}  // namespace pfgm::plan
