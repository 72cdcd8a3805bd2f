#include "field/field_kernel.h"

namespace pfgm::field {

const Kernel& avx2_kernel() {
  static constexpr Kernel kernel = Tiles<4, 4, 2, 4>::kernel("avx2");
  return kernel;
}

}  // namespace pfgm::field
