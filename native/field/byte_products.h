// Products of queries and sources that are pixels, in whole numbers. See product.cpp for what they are for.
//
// A source's value is float32's v / 127.5 - 1 = (131,586 v - 2^24 + t) / 2^24 with t = (v >= 64) + (v >=
// 128), so but for its last bit a line in v: s = y + r, y = (2 v - 255) / 255, |r| <= u = 2^-24. A query is
// rounded to four signed bytes a number, at random with a fixed draw a coordinate, so that what it rounds
// off has no pattern that images could share. The products of v with its digits are then exact, and
//
//   |q - s|^2 = |q - y|^2 - 2 (q - y).r,   q.y = (2 q.v - 255 sum q) / 255
//
// with r taken as its least-squares line in y, which sums over the row give.
#pragma once

#include <memory>
#include <vector>

#include "field/sums.h"

namespace pfgm::field {

// The functions are those of FloatProducts.
class ByteProducts {
 public:
  ByteProducts(const Kernel& kernel, const Problem& problem, const std::vector<int64_t>& order);

  void take(int64_t start);
  int64_t size() const { return size_; }
  void measure(double* distances);
  Rounding rounding(int64_t q, double nearest_square) const;
  double largest_rounding(int64_t q, double square) const;
  double typical_rounding(int64_t q, double square) const;
  const double* norms() const { return norms_.data(); }
  SumRounding sum_rounding() const;

  template <class OnRows>
  void rows(const int32_t* list, int64_t count, const OnRows& on_rows) const {
    constexpr int64_t kPart = 8;
    static constexpr int32_t kInOrder[kPart] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (count == 0) return;
    const std::unique_ptr<float[]> values(new float[kPart * dimensions_]);
    for (int64_t first = 0; first < count; first += kPart) {
      const int64_t part = first + kPart < count ? kPart : count - first;
      for (int64_t i = 0; i < part; ++i)
        bytes_.values(pixels_ + list[first + i] * dimensions_, dimensions_, values.get() + i * dimensions_);
      on_rows(values.get(), kInOrder, first, part);
    }
  }

  int64_t tile() const { return 1; }
  void accept(int64_t q, const double* weights);
  void subtract(double* sums);
  const std::vector<float>& centre() const { return centre_; }

 private:
  void round_query(int64_t q, const std::vector<double>& draws);
  void describe_row(int64_t i);

  const ByteKernel& bytes_;
  const WeighingKernel& weighing_;
  const Problem& problem_;
  const std::vector<int64_t>& order_;
  const int64_t dimensions_, steps_, groups_;
  const double root_dimensions_;
  const std::unique_ptr<uint8_t[]> room_;
  const std::vector<float> centre_;  // 0
  std::vector<int8_t> digits_;       // of the queries, packed by group
  std::vector<double> query_squares_, query_sums_, query_units_, query_offsets_, query_steps_;

  const uint8_t* pixels_ = nullptr;
  int64_t size_ = 0;
  std::vector<double> row_squares_, row_sums_, row_slopes_, norms_;
  double largest_norm_ = 0;

  // Of the accepted weights: digits [group][digit][query][source], units, and what they add to every
  // coordinate.
  std::vector<uint8_t> weights_;
  std::vector<double> weight_units_, weight_constants_;
};

}  // namespace pfgm::field
