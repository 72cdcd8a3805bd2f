#include "field/difference_tiles.h"
#include "field/product_tiles.h"
#include "field/weighing_tiles.h"

namespace pfgm::field {

const Kernel& avx2_kernel() {
  static constexpr Kernel kernel{"avx2", DifferenceTiles<4, 4, 2>::kernel(),
                                 ProductTiles<4, 3, 4, 4, 3>::kernel(), WeighingTiles<4>::kernel()};
  return kernel;
}

}  // namespace pfgm::field
