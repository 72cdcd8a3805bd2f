// How finely a loop over rows is cut for threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pfgm {

// Rows of so many numbers that are worth a thread's while.
inline int64_t grain(int64_t dimensions) {
  return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, dimensions));
}

}  // namespace pfgm
