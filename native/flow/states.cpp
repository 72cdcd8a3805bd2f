#include "flow/states.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "random/philox.h"
#include "runtime/error.h"
#include "runtime/grain.h"

namespace pfgm {
namespace {

at::Tensor values_of(const at::Tensor& data) {
  const at::Tensor rows = data.reshape({data.size(0), -1}).to(at::kCPU);
  const bool pixels = rows.scalar_type() == at::kByte;
  const at::Tensor values = rows.to(at::kDouble).contiguous();
  return pixels ? values / 127.5 - 1 : values;
}

}  // namespace

at::Tensor data_state(const at::Tensor& data, int64_t extra) {
  const at::Tensor values = values_of(data);
  if (extra == 0) return values.clone();
  at::Tensor state = at::zeros({values.size(0), values.size(1) + extra}, values.options());
  state.narrow(1, 0, values.size(1)).copy_(values);
  return state;
}

at::Tensor dequantize(const at::Tensor& data, const std::vector<uint64_t>& keys, int64_t levels) {
  at::Tensor values = values_of(data).clone();
  const int64_t count = values.size(0), dimensions = values.size(1);
  double* value = values.mutable_data_ptr<double>();
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const Philox random(keys[i], uint64_t(Purpose::kDequantization) << 32);
      double u[4];
      for (int64_t c = 0; c < dimensions; ++c) {
        if (c % 4 == 0) random.uniforms(uint64_t(c / 4), u);
        double& x = value[i * dimensions + c];
        const double level =
            std::clamp(std::round((x + 1) / 2 * double(levels - 1)), 0.0, double(levels - 1));
        x = 2 * (level + u[c % 4]) / double(levels) - 1;
      }
    }
  });
  return values;
}

at::Tensor slerp(const at::Tensor& a, const at::Tensor& b, const std::vector<double>& fractions) {
  const int64_t dimensions = a.numel();
  const double* from = a.const_data_ptr<double>();
  const double* to = b.const_data_ptr<double>();
  double of_a = 0, of_b = 0, product = 0;
  for (int64_t c = 0; c < dimensions; ++c) {
    of_a += from[c] * from[c];
    of_b += to[c] * to[c];
    product += from[c] * to[c];
  }
  of_a = std::sqrt(of_a);
  of_b = std::sqrt(of_b);
  const double cosine = std::clamp(product / (of_a * of_b), -1.0, 1.0);
  if (!(of_a > 0 && of_b > 0 && std::isfinite(cosine) && cosine > -1 + 1e-12))
    throw Error("ERR_PFGM_ARGUMENT",
                "Expected two finite points whose directions are not opposite: between these there is no one "
                "shortest arc");
  const double angle = std::acos(cosine);
  at::Tensor points = at::empty({int64_t(fractions.size()), dimensions}, at::kDouble);
  double* out = points.mutable_data_ptr<double>();
  for (const double t : fractions) {
    // The limit of small angles is the straight line.
    const bool straight = angle < 1e-8;
    const double weight_a = straight ? 1 - t : std::sin((1 - t) * angle) / std::sin(angle);
    const double weight_b = straight ? t : std::sin(t * angle) / std::sin(angle);
    const double norm = (1 - t) * of_a + t * of_b;
    for (int64_t c = 0; c < dimensions; ++c)
      *out++ = norm * (weight_a * from[c] / of_a + weight_b * to[c] / of_b);
  }
  return points;
}

}  // namespace pfgm
