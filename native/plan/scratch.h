// Memory for what is made and forgotten.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace pfgm::plan {

// Memory that grows and is not filled in. It begins where a line of the cache does: vectors and tiles that
// lie across two take twice as long.
class Scratch {
 public:
  float* of(int64_t floats) {
    if (floats > size_) {
      // Nothing is held where there is not enough, and never old and new at once.
      memory_.reset();
      size_ = 0;
      memory_.reset(new (kLine) float[floats]);
      size_ = floats;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Release {
    void operator()(float* memory) const { operator delete[](memory, kLine); }
  };
  std::unique_ptr<float[], Release> memory_;
  int64_t size_ = 0;
};

}  // namespace pfgm::plan
