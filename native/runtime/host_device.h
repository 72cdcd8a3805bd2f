// For headers that compile for the host and, by nvcc, for a GPU.
#pragma once

#ifdef __CUDACC__
#define PFGM_HD __host__ __device__
#define PFGM_UNROLL _Pragma("unroll")
#else
#define PFGM_HD
#define PFGM_UNROLL
#endif
