// Height and width of the images that a network is made for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "runtime/error.h"

namespace pfgm {

struct ImageSize {
  int64_t height = 32, width = 32;

  int64_t pixels() const { return height * width; }
  // What attention resolutions are told by.
  int64_t larger_side() const { return std::max(height, width); }
  ImageSize halved(int64_t times) const { return {height >> times, width >> times}; }

  // That a network which halves them so often takes images of this size.
  void check(int64_t halvings) const {
    const int64_t divisor = int64_t(1) << halvings;
    for (const int64_t side : {height, width}) {
      if (side >= divisor && side <= 4096 && side % divisor == 0) continue;
      throw Error("ERR_PFGM_ARGUMENT",
                  "Expected imageSize to be at most 4096 and divisible by 2^" + std::to_string(halvings) +
                      " (one halving between levels), but received " + std::to_string(side));
    }
  }
};

}  // namespace pfgm
