#include "field/byte_products.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace pfgm::field {

namespace {

constexpr double kUnit = 0x1p-24;
constexpr double kLargest = 0x7f7f7f7f;  // what four signed bytes can be: 127 each
constexpr int64_t kWeightSteps = kSourceBlock / kByteStep;
constexpr int64_t kGroupRows = kDigits * kByteGroup;

}  // namespace

ByteProducts::ByteProducts(const Kernel& kernel, const Problem& problem, const std::vector<int64_t>& order)
    : bytes_(*kernel.bytes),
      weighing_(kernel.weighing),
      problem_(problem),
      order_(order),
      dimensions_(problem.sources.dimensions),
      steps_((dimensions_ + kByteStep - 1) / kByteStep),
      groups_((problem.count + kByteGroup - 1) / kByteGroup),
      root_dimensions_(std::sqrt(double(dimensions_))),
      room_(problem.sources.width ? new uint8_t[kSourceBlock * dimensions_] : nullptr),
      centre_(dimensions_),
      digits_(groups_ * kGroupRows * steps_ * kByteStep),
      query_squares_(groups_ * kByteGroup),
      query_sums_(groups_ * kByteGroup),
      query_units_(groups_ * kByteGroup),
      query_offsets_(groups_ * kByteGroup),
      query_steps_(groups_ * kByteGroup),
      row_squares_(kSourceBlock),
      row_sums_(kSourceBlock),
      row_slopes_(kSourceBlock),
      norms_(kSourceBlock),
      weights_(groups_ * kGroupRows * kSourceBlock),
      weight_units_(groups_ * kByteGroup),
      weight_constants_(groups_ * kByteGroup) {
  std::vector<double> draws(dimensions_);
  uint32_t state = 1;
  for (double& draw : draws) {
    state = state * 1664525u + 1013904223u;
    draw = (state >> 8) * 0x1p-24;
  }
  at::parallel_for(0, problem.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t q = first; q < last; ++q) round_query(q, draws);
  });
}

void ByteProducts::round_query(int64_t q, const std::vector<double>& draws) {
  const double* query = problem_.queries + order_[q] * dimensions_;
  double largest = 0, square = 0, sum = 0;
  for (int64_t c = 0; c < dimensions_; ++c) {
    largest = std::max(largest, std::abs(query[c]));
    square += query[c] * query[c];
    sum += query[c];
  }
  query_squares_[q] = square;
  query_sums_[q] = sum;
  if (!std::isfinite(square)) {
    query_steps_[q] = query_units_[q] = NAN;
    return;
  }
  const double step = std::max(largest, 1e-30) / kLargest;
  int8_t* group = digits_.data() + q / kByteGroup * kGroupRows * steps_ * kByteStep;
  int64_t total = 0;
  for (int64_t c = 0; c < dimensions_; ++c) {
    const int64_t number = int64_t(std::floor(query[c] / step + draws[c]));
    total += number;
    // Digits from -128 to 127: those of the number with 128 added to each.
    const uint32_t shifted = uint32_t(number + 0x80808080);
    const int64_t column = q % kByteColumns, half = q / kByteColumns % 2;
    for (int64_t digit = 0; digit < kDigits; ++digit)
      group[(half * kDigits + digit) * steps_ * kByteTile + c / 4 * 4 * kByteColumns + column * 4 + c % 4] =
          int8_t(int((shifted >> (8 * digit)) & 255) - 128);
  }
  query_steps_[q] = step;
  query_units_[q] = 4 * step / 255;
  query_offsets_[q] = 2 * step * double(total);
}

void ByteProducts::take(int64_t start) {
  const Sources& sources = problem_.sources;
  size_ = std::min(kSourceBlock, sources.count() - start);
  pixels_ = sources.pixel_rows(start, size_, room_.get());
}

// r as its least-squares line in y.
void ByteProducts::describe_row(int64_t i) {
  const PixelSums sums = bytes_.sums(pixels_ + i * dimensions_, dimensions_);
  const double n = double(dimensions_);
  const double y = (2 * double(sums.v) - 255 * n) / 255;
  const double yy = double(4 * sums.vv - 1020 * sums.v + 65025 * dimensions_) / 65025;
  // 2^24 r = t - 2 v / 255
  const double r = double(255 * sums.t - 2 * sums.v) / 255;
  const double ry = double(2 * 255 * sums.tv - 65025 * sums.t - 4 * sums.vv + 510 * sums.v) / 65025;
  const double spread = yy - y * y / n;
  const double slope = spread > 1e-9 * n ? (ry - r * y / n) / spread : 0;
  const double constant = (r - slope * y) / n;
  row_squares_[i] = yy * (1 + 2 * kUnit * slope) + 2 * kUnit * constant * y;
  row_sums_[i] = -2 * kUnit * constant;
  row_slopes_[i] = 1 + kUnit * slope;
  norms_[i] = std::sqrt(yy);
}

void ByteProducts::measure(double* distances) {
  constexpr int64_t kRows = 64;  // whose products are held at once
  const int64_t parts = (size_ + kRows - 1) / kRows, row_bytes = steps_ * kByteStep;
  at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    std::vector<int32_t> products(kRows * kGroupRows);
    for (int64_t i = first * kRows; i < std::min(last * kRows, size_); ++i) describe_row(i);
    // Rows whose last step would be read beyond the end of the block.
    std::vector<uint8_t> padded;
    for (int64_t group = 0; group < groups_; ++group)
      for (int64_t part = first; part < last; ++part) {
        const int64_t begin = part * kRows, count = std::min(kRows, size_ - begin);
        const uint8_t* rows = pixels_ + begin * dimensions_;
        int64_t stride = dimensions_;
        if (count < kRows || (size_ - begin - count) * dimensions_ < row_bytes - dimensions_) {
          padded.resize(kRows * row_bytes);
          for (int64_t i = 0; i < count; ++i)
            std::copy_n(rows + i * dimensions_, dimensions_, padded.data() + i * row_bytes);
          rows = padded.data();
          stride = row_bytes;
        }
        bytes_.multiply(rows, stride, kRows, digits_.data() + group * kGroupRows * row_bytes, 2 * kDigits,
                        steps_, products.data(), kGroupRows);
        const int64_t q = group * kByteGroup;
        bytes_.distances(products.data(), count,
                         {&query_squares_[q], &query_sums_[q], &query_units_[q], &query_offsets_[q]},
                         {&row_squares_[begin], &row_sums_[begin], &row_slopes_[begin]},
                         distances + q * kSourceBlock + begin);
      }
  });
  largest_norm_ = *std::max_element(norms_.begin(), norms_.begin() + size_);
}

// u |q - s| is at most u (|q - s|^2 / d + d) / 2 for any d, so no square roots are needed: d is near where
// weights are.
Rounding ByteProducts::rounding(int64_t q, double nearest_square) const {
  const double distance = std::sqrt(std::max(nearest_square, kSmallestSquare));
  Rounding rounding;
  rounding.norm = query_steps_[q];
  rounding.square = kUnit / 2 / distance;
  rounding.constant = kUnit / 2 * distance;
  return rounding;
}

// That of r, of which a line in y has been taken away.
SumRounding ByteProducts::sum_rounding() const {
  return {0, 0.3 * kUnit * root_dimensions_};
}

double ByteProducts::largest_rounding(int64_t q, double square) const {
  return 2 * root_dimensions_ * (query_steps_[q] * largest_norm_ + kUnit * std::sqrt(square));
}

double ByteProducts::typical_rounding(int64_t q, double square) const {
  return query_steps_[q] * largest_norm_ + kUnit * std::sqrt(square);
}

void ByteProducts::accept(int64_t q, const double* weights) {
  const double largest = weighing_.most(weights, size_);
  weight_units_[q] = 0;
  if (!(largest > 0)) return;
  uint8_t* digits = weights_.data() + (q / kByteGroup * kGroupRows + q % kByteGroup) * kSourceBlock;
  const int64_t stride = kByteGroup * kSourceBlock;
  const double unit = largest / 0xffffffff;
  const double total = unit * bytes_.digits(weights, size_, 1 / unit, digits, stride);
  for (int64_t digit = 0; digit < kDigits; ++digit)
    std::fill_n(digits + digit * stride + size_, kSourceBlock - size_, uint8_t(0));
  // s = slope y - sum / 2, and of v - 128: y = (2 (v - 128) + 1) / 255.
  double dots[2];
  bytes_.dots(weights, row_slopes_.data(), row_sums_.data(), size_, dots);
  const double slope = dots[0] / total;
  weight_units_[q] = unit * 2 / 255 * slope;
  weight_constants_[q] = total / 255 * slope - dots[1] / 2;
}

// Sixty-four coordinates at a time: while those are in a core's cache, all queries pass.
void ByteProducts::subtract(double* sums) {
  const int64_t units = (dimensions_ + kByteStep - 1) / kByteStep;
  const int64_t steps = (size_ + kByteStep - 1) / kByteStep, rows = steps * kByteStep;
  std::vector<char> any(groups_);
  for (int64_t q = 0; q < groups_ * kByteGroup; ++q) any[q / kByteGroup] |= weight_units_[q] != 0;
  const int64_t shares = units < at::get_num_threads() ? groups_ : 1;  // of the queries
  at::parallel_for(0, units * shares, 1, [&](int64_t first, int64_t last) {
    std::vector<int8_t> packed(4 * kWeightSteps * kByteTile);
    std::vector<int32_t> products(kGroupRows * kByteStep);
    std::vector<uint8_t> copy;
    for (int64_t job = first; job < last; ++job) {
      const int64_t begin = job / shares * kByteStep, width = std::min(kByteStep, dimensions_ - begin);
      const uint8_t* from = pixels_ + begin;
      int64_t stride = dimensions_;
      if (width < kByteStep || rows != size_) {  // would be read beyond their end
        copy.assign(rows * kByteStep, 0);
        for (int64_t i = 0; i < size_; ++i)
          std::copy_n(from + i * dimensions_, width, copy.data() + i * kByteStep);
        from = copy.data();
        stride = kByteStep;
      }
      bytes_.pack(from, stride, steps, packed.data());
      for (int64_t group = job % shares; group < groups_; group += shares) {
        if (!any[group]) continue;
        bytes_.multiply(weights_.data() + group * kGroupRows * kSourceBlock, kSourceBlock, kGroupRows,
                        packed.data(), 4, steps, products.data(), kByteStep);
        for (int64_t j = 0; j < kByteGroup; ++j) {
          const int64_t q = group * kByteGroup + j;
          if (weight_units_[q] == 0) continue;
          bytes_.subtract(products.data() + j * kByteStep, kByteGroup * kByteStep, width, weight_units_[q],
                          weight_constants_[q], sums + order_[q] * dimensions_ + begin);
        }
      }
    }
  });
}

}  // namespace pfgm::field
