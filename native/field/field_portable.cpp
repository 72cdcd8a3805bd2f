#include "field/difference_tiles.h"
#include "field/product_tiles.h"

namespace pfgm::field {

const Kernel& portable_kernel() {
  static constexpr Kernel kernel{"portable", DifferenceTiles<2, 4, 2>::kernel(),
                                 ProductTiles<2, 4, 2, 4, 2>::kernel()};
  return kernel;
}

}  // namespace pfgm::field
