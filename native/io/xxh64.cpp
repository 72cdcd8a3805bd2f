#include "io/xxh64.h"

#include <algorithm>
#include <cstring>

namespace pfgm {
namespace {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                   kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;
constexpr size_t kStripe = 32;

uint64_t rotated(uint64_t value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}

template <class T>
uint64_t read(const unsigned char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) {
  return rotated(lane + input * kPrime2, 31) * kPrime1;
}

}  // namespace

void Xxh64::stripe(const unsigned char* from) {
  for (int i = 0; i < 4; ++i) lanes_[i] = round(lanes_[i], read<uint64_t>(from + 8 * i));
}

void Xxh64::update(const void* data, size_t size) {
  const auto* from = static_cast<const unsigned char*>(data);
  const size_t before = length_ % kStripe;
  length_ += size;
  if (before > 0) {
    const size_t taken = std::min(size, kStripe - before);
    std::memcpy(rest_ + before, from, taken);
    if (before + taken < kStripe) return;
    stripe(rest_);
    from += taken;
    size -= taken;
  }
  for (; size >= kStripe; from += kStripe, size -= kStripe) stripe(from);
  if (size > 0) std::memcpy(rest_, from, size);
}

uint64_t Xxh64::digest() const {
  uint64_t hash = kPrime5;
  if (length_ >= kStripe) {
    hash = rotated(lanes_[0], 1) + rotated(lanes_[1], 7) + rotated(lanes_[2], 12) + rotated(lanes_[3], 18);
    for (const uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  }
  hash += length_;
  const unsigned char* from = rest_;
  size_t left = length_ % kStripe;
  for (; left >= 8; from += 8, left -= 8)
    hash = rotated(hash ^ round(0, read<uint64_t>(from)), 27) * kPrime1 + kPrime4;
  if (left >= 4) {
    hash = rotated(hash ^ (read<uint32_t>(from) * kPrime1), 23) * kPrime2 + kPrime3;
    from += 4;
    left -= 4;
  }
  for (; left > 0; ++from, --left) hash = rotated(hash ^ (*from * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::string Xxh64::hex() const {
  std::string text(16, '0');
  uint64_t value = digest();
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4)
    *digit = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace pfgm
