// The matrices of a product.
#pragma once

#include "plan/numbers.h"

namespace pfgm::plan {
namespace {

template <class Numbers>
struct Factor {
  const typename Numbers::Value* values;
  int64_t pitch;                      // from row to row
  int64_t step = Numbers::kTogether;  // along a row, from what is multiplied at once to the next
};
template <class Numbers>
struct Panels {
  const typename Numbers::Weight* values;
  int64_t pitch;  // from row to row of a panel
  int64_t apart;  // from panel to panel
};
struct Product {
  float* values;
  int64_t pitch;
  bool joins = false;  // what is there already
};

}  // namespace
}  // namespace pfgm::plan
