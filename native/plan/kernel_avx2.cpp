#include "plan/kernel_table.h"

namespace pfgm::plan {

const Kernel& avx2_kernel() {
  static constexpr Kernel kernel = kernel_named("avx2");
  return kernel;
}

}  // namespace pfgm::plan
