// Memory for what is made and forgotten.
#pragma once

#include <cstdint>
#include <memory>

namespace pfgm::plan {

// Memory that grows and is not filled in.
class Scratch {
 public:
  float* of(int64_t floats) {
    if (floats > size_) {
      // Nothing is held where there is not enough, and never old and new at once.
      memory_.reset();
      size_ = 0;
      memory_.reset(new float[floats]);
      size_ = floats;
    }
    return memory_.get();
  }

 private:
  std::unique_ptr<float[]> memory_;
  int64_t size_ = 0;
};

}  // namespace pfgm::plan
