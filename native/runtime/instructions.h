// What the machine's processor has, for kernels that are compiled once an instruction set. For x86-64 alone.
#pragma once

namespace pfgm {

inline bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

// As the files for AVX-512 are compiled.
inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}

}  // namespace pfgm
