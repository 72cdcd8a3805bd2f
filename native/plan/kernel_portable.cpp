#include "plan/kernel_table.h"

namespace pfgm::plan {

const Kernel& portable_kernel() {
  static constexpr Kernel kernel = kernel_named("portable");
  return kernel;
}

}  // namespace pfgm::plan
