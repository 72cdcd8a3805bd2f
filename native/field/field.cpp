#include "field/field.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda/field.h"
#include "field/sums.h"
#include "runtime/error.h"
#include "runtime/grain.h"

namespace pfgm {

namespace {

void check(const FieldSources& sources, const at::Tensor& x, const at::Tensor& height) {
  const int64_t items = sources.items.size(0), count = x.size(0);
  const int64_t dimensions = items ? sources.items.numel() / items : 0;
  if (dimensions == 0)
    throw Error("ERR_PFGM_ARGUMENT", "Expected at least one source of at least one dimension");
  if (x.numel() != count * dimensions)
    throw Error("ERR_PFGM_ARGUMENT", "Expected x to have " + std::to_string(dimensions) +
                                         " numbers a query, as the sources have, but received " +
                                         std::to_string(count ? x.numel() / count : 0));
  if (height.numel() != count)
    throw Error("ERR_PFGM_ARGUMENT", "Expected one height a query, " + std::to_string(count) +
                                         ", but received " + std::to_string(height.numel()));
  if (!sources.guesses.empty() && int64_t(sources.guesses.size()) != count)
    throw Error("ERR_PFGM_ARGUMENT", "Expected one guess a query");
}

// Sources and queries as the sums over sources take them; checked before.
class FieldProblem {
 public:
  FieldProblem(const FieldSources& given, const at::Tensor& x, const at::Tensor& height)
      : items_(given.items.to(at::kCPU).contiguous()), guesses_(given.guesses), count(x.size(0)) {
    sources_.items = items_.size(0);
    sources_.dimensions = items_.numel() / sources_.items;
    if (items_.scalar_type() == at::kByte) {
      sources_.pixels = items_.const_data_ptr<uint8_t>();
    } else {
      items_ = items_.to(at::kFloat);
      sources_.values = items_.const_data_ptr<float>();
    }
    if (given.mirrored && items_.dim() == 4) sources_.width = items_.size(3);

    const at::Tensor x_rows = x.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor height_rows = height.to(at::kCPU, at::kDouble).contiguous();
    const int64_t padded = field::round_up(count, field::kQueryPadding), n = sources_.dimensions;
    queries.resize(padded * n);
    heights.resize(padded);
    for (int64_t q = 0; q < padded && count > 0; ++q) {
      const int64_t row = std::min(q, count - 1);  // padding repeats the last query
      heights[q] = std::max(height_rows.const_data_ptr<double>()[row], 1e-10);
      std::copy_n(x_rows.const_data_ptr<float>() + row * n, n, queries.data() + q * n);
    }
    if (!guesses_.empty()) guesses_.resize(padded, guesses_.back());
  }

  int64_t dimensions() const { return sources_.dimensions; }

  // Of the weights d^-exponent, or of Gaussian ones where it is infinite.
  field::Sums sums(double exponent) const {
    std::vector<double> squares(heights.size());
    for (size_t q = 0; q < heights.size(); ++q) squares[q] = heights[q] * heights[q];
    return field::sum_over_sources({sources_, queries.data(), squares.data(), int64_t(heights.size()),
                                    exponent, guesses_.empty() ? nullptr : guesses_.data()});
  }

 private:
  at::Tensor items_;
  std::vector<int64_t> guesses_;
  field::Sources sources_;

 public:
  const int64_t count;
  // Padded to a multiple of kQueryPadding.
  std::vector<double> queries, heights;
};

}  // namespace

at::Tensor field_target(const FieldSources& sources, const at::Tensor& x, const at::Tensor& z, double gamma) {
  check(sources, x, z);
#ifdef PFGM_CUDA
  // Pixels, mirrored and mapped sources stay on the host.
  if (x.is_cuda() && sources.items.is_cuda() && sources.items.scalar_type() == at::kFloat &&
      !sources.mirrored)
    return cuda::field_target(sources.items, x, z, gamma).target;
#endif
  const FieldProblem at_x(sources, x, z);
  const int64_t n = at_x.dimensions();
  at::Tensor target = at::empty({at_x.count, n + 1}, at::kFloat);
  if (at_x.count == 0) return target.to(x.device());
  const field::Sums sums = at_x.sums(double(n + 1));
  float* out = target.mutable_data_ptr<float>();
  at::parallel_for(0, at_x.count, grain(n), [&](int64_t first, int64_t last) {
    for (int64_t q = first; q < last; ++q) {
      const double* weighted = sums.weighted.data() + q * n;
      const double inverse = 1.0 / sums.weights[q];
      double square = at_x.heights[q] * at_x.heights[q];
      for (int64_t c = 0; c < n; ++c) square += weighted[c] * inverse * weighted[c] * inverse;
      const double factor = -std::sqrt(double(n)) / (std::sqrt(square) + gamma);
      float* row = out + q * (n + 1);
      for (int64_t c = 0; c < n; ++c) row[c] = float(factor * weighted[c] * inverse);
      row[n] = float(factor * at_x.heights[q]);
    }
  });
  return target.to(x.device());
}

at::Tensor posterior_mean(const FieldSources& sources, const at::Tensor& x, const at::Tensor& r, double d) {
  check(sources, x, r);
  const FieldProblem at_x(sources, x, r);
  const int64_t n = at_x.dimensions();
  at::Tensor mean = at::empty({at_x.count, n}, at::kFloat);
  if (at_x.count == 0) return mean.to(x.device());
  const field::Sums sums = at_x.sums(double(n) + d);
  float* out = mean.mutable_data_ptr<float>();
  for (int64_t q = 0; q < at_x.count; ++q)
    for (int64_t c = 0; c < n; ++c)
      out[q * n + c] = float(at_x.queries[q * n + c] - sums.weighted[q * n + c] / sums.weights[q]);
  return mean.to(x.device());
}

}  // namespace pfgm
