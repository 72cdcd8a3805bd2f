// Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"
// (SC 2011): block number `counter` of stream (key, stream) is a pure function of the three, so draws depend
// neither on order nor on how work is split over threads.
#pragma once

#include <cmath>
#include <cstdint>

#include "runtime/host_device.h"

namespace pfgm {

// What a stream is for. Two purposes never share a stream, so their draws are independent.
enum class Purpose : uint64_t {
  kPrior = 1,
  kBatch = 2,
  kPerturbation = 3,
  kMirror = 4,
  kDropout = 5,
  kInitialisation = 6,
  kToys = 7,
  kBootstrap = 8,
  kProbe = 9,
  kDequantization = 10,
  kNoise = 11,
  kStepNoise = 12,
  kLabelDropout = 13,
  kSubset = 14,
  kDirection = 15,
};

class Philox {
 public:
  PFGM_HD Philox(uint64_t key, uint64_t stream) : key_(key), stream_(stream) {}

  PFGM_HD void bits(uint64_t counter, uint32_t out[4]) const {
    uint32_t c0 = uint32_t(counter), c1 = uint32_t(counter >> 32);
    uint32_t c2 = uint32_t(stream_), c3 = uint32_t(stream_ >> 32);
    uint32_t k0 = uint32_t(key_), k1 = uint32_t(key_ >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t(0xD2511F53u) * c0;
      const uint64_t p1 = uint64_t(0xCD9E8D57u) * c2;
      c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
      c1 = uint32_t(p1);
      c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
      c3 = uint32_t(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  // Four uniforms in (0, 1), never 0 or 1.
  PFGM_HD void uniforms(uint64_t counter, double out[4]) const {
    uint32_t raw[4];
    bits(counter, raw);
    for (int i = 0; i < 4; ++i) out[i] = (double(raw[i]) + 0.5) * 0x1p-32;
  }

  // Four standard normals (Box-Muller).
  PFGM_HD void normals(uint64_t counter, double out[4]) const {
    double u[4];
    uniforms(counter, u);
    for (int i = 0; i < 4; i += 2) {
      const double radius = std::sqrt(-2.0 * std::log(u[i]));
      const double angle = 6.283185307179586476925286766559 * u[i + 1];
      out[i] = radius * std::cos(angle);
      out[i + 1] = radius * std::sin(angle);
    }
  }

  // `count` standard normals, from block `counter` on.
  template <class Real>
  void fill_normals(uint64_t counter, int64_t count, Real* out) const {
    double block[4];
    for (int64_t i = 0; i < count; ++i) {
      if (i % 4 == 0) normals(counter + uint64_t(i / 4), block);
      out[i] = Real(block[i % 4]);
    }
  }

  // A whole number in [0, bound), for bounds far below 2^32.
  uint64_t below(uint64_t counter, uint64_t bound) const {
    uint32_t raw[4];
    bits(counter, raw);
    const uint64_t wide = (uint64_t(raw[0]) << 32) | raw[1];
    return uint64_t((static_cast<unsigned __int128>(wide) * bound) >> 64);
  }

 private:
  uint64_t key_;
  uint64_t stream_;
};

}  // namespace pfgm
