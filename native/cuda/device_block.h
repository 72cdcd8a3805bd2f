// A block of a GPU's threads, as the tile code sees it: every thread is one lane of one warp. See
// host_block.h for the host's.
#pragma once

#include <cstdint>

#include "cuda/block.h"

namespace pfgm::cuda {

struct DeviceWarp {
  int index;

  template <class T>
  struct Lanes {
    T own;
    __device__ T& operator[](int) { return own; }
    __device__ const T& operator[](int) const { return own; }
  };

  template <class Body>
  __device__ void each(Body body) const {
    body(int(threadIdx.x) % kLanes);
  }

  __device__ void count_side() const {}

  template <class Combine>
  __device__ void exchange(Lanes<double>& value, int width, Combine combine) const {
#pragma unroll
    for (int mask = width / 2; mask > 0; mask /= 2)
      value.own = combine(value.own, __shfl_xor_sync(0xffffffffu, value.own, mask));
  }
  __device__ void sum(Lanes<double>& value) const {
    exchange(value, kLanes, [](double a, double b) { return a + b; });
  }
  __device__ void quad_sum(Lanes<double>& value) const {
    exchange(value, 4, [](double a, double b) { return a + b; });
  }
  __device__ void minimum(Lanes<double>& value) const {
    exchange(value, kLanes, [](double a, double b) { return fmin(a, b); });
  }
  __device__ void quad_minimum(Lanes<double>& value) const {
    exchange(value, 4, [](double a, double b) { return fmin(a, b); });
  }

  __device__ uint32_t ballot(const Lanes<bool>& flag) const {
    return __ballot_sync(0xffffffffu, flag.own);
  }
  __device__ bool any(const Lanes<bool>& flag) const {
    return __any_sync(0xffffffffu, flag.own);
  }

  // c += a b on the tensor core.
  __device__ void multiply(const Lanes<FragmentA>& a, const Lanes<FragmentB>& b, Lanes<FragmentC>& c) const {
    const float *left = a.own.at, *right = b.own.at;
    float* sum = c.own.at;
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(__float_as_uint(left[0])), "r"(__float_as_uint(left[1])), "r"(__float_as_uint(left[2])),
          "r"(__float_as_uint(left[3])), "r"(__float_as_uint(right[0])), "r"(__float_as_uint(right[1])));
  }
};

struct DeviceBlock {
  using Warp = DeviceWarp;

  template <class T>
  struct Warps {
    T own;
    __device__ T& operator[](int) { return own; }
  };

  template <class Body>
  __device__ void warps(Body body) const {
    body(DeviceWarp{int(threadIdx.x) / kLanes});
  }
  template <class Body>
  __device__ void threads(Body body) const {
    body(int(threadIdx.x));
  }
  __device__ void barrier() const { __syncthreads(); }

  // Copies kWidth floats to shared memory in the background, or zeros there.
  template <int kWidth>
  __device__ void copy(float* to, const float* from, bool there) const {
    const uint32_t address = uint32_t(__cvta_generic_to_shared(to));
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(from),
                 "n"(kWidth * int(sizeof(float))), "r"(there ? kWidth * int(sizeof(float)) : 0)
                 : "memory");
  }
  __device__ void commit_copies() const { asm volatile("cp.async.commit_group;" ::: "memory"); }
  template <int kPending>
  __device__ void await_copies() const {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
  }

  __device__ int lowest_bit(uint64_t bits) const { return __ffsll(int64_t(bits)) - 1; }
};

}  // namespace pfgm::cuda
