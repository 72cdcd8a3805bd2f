#include "plan/kernel_table.h"

namespace pfgm::plan {

const Kernel& avx512_kernel() {
  static constexpr Kernel kernel = kernel_named("avx512");
  return kernel;
}

}  // namespace pfgm::plan
