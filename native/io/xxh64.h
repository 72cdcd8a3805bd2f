// The 64-bit hash of xxHash, by its specification: a checksum of what files and data hold, quicker than they
// are read. It tells damage and exchange, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pfgm {

class Xxh64 {
 public:
  void update(const void* data, size_t size);
  uint64_t digest() const;
  std::string hex() const;  // 16 digits

 private:
  void stripe(const unsigned char* from);

  uint64_t lanes_[4] = {0x60EA27EEADC0B5D6, 0xC2B2AE3D27D4EB4F, 0, 0x61C8864E7A143579};
  uint64_t length_ = 0;
  unsigned char rest_[32];  // what has come since the last whole stripe
};

}  // namespace pfgm
