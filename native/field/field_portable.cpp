#include "field/difference_tiles.h"
#include "field/product_tiles.h"
#include "field/weighing_tiles.h"

namespace pfgm::field {

const Kernel& portable_kernel() {
  static const Kernel kernel{"portable", DifferenceTiles<2, 4, 2>::kernel(),
                             ProductTiles<2, 4, 2, 4, 2>::kernel(), WeighingTiles<2>::kernel(),
                             &kPortableBytes};
  return kernel;
}

}  // namespace pfgm::field
