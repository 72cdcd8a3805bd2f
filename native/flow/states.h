// States at the data's end of the paths: from data, and between two of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pfgm {

// The values of data [b, ...] as rows [b, N + extra] float64, zeros at the end. uint8 pixels v stand for
// v / 127.5 - 1.
at::Tensor data_state(const at::Tensor& data, int64_t extra);

// Uniform dequantisation (Uria et al., arXiv 1306.0186): values in [-1, 1] are taken as the nearest of
// `levels` grey levels v, and become 2 (v + u) / levels - 1 with u uniform in (0, 1). One key a row of data
// [b, ...].
at::Tensor dequantize(const at::Tensor& data, const std::vector<uint64_t>& keys, int64_t levels);

// Points between a and b, each [N] float64, one a fraction: directions on the great circle through both
// (slerp), norms linear. -> [fractions, N]
at::Tensor slerp(const at::Tensor& a, const at::Tensor& b, const std::vector<double>& fractions);

}  // namespace pfgm
