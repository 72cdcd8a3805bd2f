#include "data/values.h"

namespace pfgm {

at::Tensor as_values(const at::Tensor& items) {
  if (items.scalar_type() == at::kByte) return items.to(at::kFloat).div_(127.5).sub_(1);
  return items.to(at::kFloat);
}

}  // namespace pfgm
