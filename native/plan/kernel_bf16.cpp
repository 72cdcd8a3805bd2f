#include "plan/kernel_table.h"

namespace pfgm::plan {

const Kernel& bf16_kernel() {
  static constexpr Kernel kernel = kernel_named("bf16");
  return kernel;
}

}  // namespace pfgm::plan
