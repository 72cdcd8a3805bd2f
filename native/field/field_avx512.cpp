#include "field/field_kernel.h"

namespace pfgm::field {

const Kernel& avx512_kernel() {
  static constexpr Kernel kernel = Tiles<8, 4, 6, 4>::kernel("avx512");
  return kernel;
}

}  // namespace pfgm::field
