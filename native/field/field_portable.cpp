#include "field/field_kernel.h"

namespace pfgm::field {

const Kernel& portable_kernel() {
  static constexpr Kernel kernel = Tiles<2, 4, 2, 4>::kernel("portable");
  return kernel;
}

}  // namespace pfgm::field
