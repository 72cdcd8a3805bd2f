#include "field/difference_tiles.h"
#include "field/product_tiles.h"
#include "field/weighing_tiles.h"

namespace pfgm::field {

const Kernel& avx512_kernel() {
  static constexpr Kernel kernel{"avx512", DifferenceTiles<8, 4, 6>::kernel(),
                                 ProductTiles<8, 4, 6, 4, 6>::kernel(), WeighingTiles<8>::kernel()};
  return kernel;
}

}  // namespace pfgm::field
