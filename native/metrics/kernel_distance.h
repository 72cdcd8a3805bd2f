// The kernel distance of features (Binkowski et al., arXiv 1801.01401), KID of those of an Inception network.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace pfgm {

// The unbiased squared distance by the kernel (a.b / F + 1)^3 of each pair of subsets: rows [subsets, m] of
// features a [n, F], and as many of b.
std::vector<double> kernel_distances(const at::Tensor& a, const at::Tensor& b, const at::Tensor& rows_of_a,
                                     const at::Tensor& rows_of_b);

// Row numbers [subsets, size] below `total`, none twice in a subset; a function of the seed.
at::Tensor random_subsets(uint64_t seed, int64_t subsets, int64_t size, int64_t total);

}  // namespace pfgm
