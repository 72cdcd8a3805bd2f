#include "plan/kernel_table.h"

namespace pfgm::plan {

const Kernel& amx_kernel() {
  static constexpr Kernel kernel = kernel_named("amx");
  return kernel;
}

}  // namespace pfgm::plan
