// Products of queries and sources as float32 numbers, centred. See product.cpp.
#pragma once

#include <memory>
#include <vector>

#include "field/sums.h"

namespace pfgm::field {

class FloatProducts {
 public:
  // order: the problem's queries in the order in which they are meant below.
  FloatProducts(const Kernel& kernel, const Problem& problem, const std::vector<int64_t>& order);

  // Sources [start, start + size()) are the block that what follows is about.
  void take(int64_t start);
  int64_t size() const { return size_; }

  // Squared distances of every query to every source of the block: writes distances[query * kSourceBlock +
  // source].
  void measure(double* distances);

  // More than the root mean square of the rounding in query q's squared distances, the least of which is
  // given.
  Rounding rounding(int64_t q, double nearest_square) const;
  // What it can be at most, and about what it is, where a squared distance is `square`.
  double largest_rounding(int64_t q, double square) const;
  double typical_rounding(int64_t q, double square) const;
  const double* norms() const { return norms_.data(); }
  SumRounding sum_rounding() const;

  // Calls on_rows(rows, list, first, count) for the listed sources, a part of the list at a time.
  template <class OnRows>
  void rows(const int32_t* list, int64_t count, const OnRows& on_rows) const {
    on_rows(rows_, list, 0, count);
  }

  // Takes the weights of so many queries from q on, weights[query * kSourceBlock + source], for subtract.
  int64_t tile() const { return product_.query_tile; }
  void accept(int64_t q, const double* weights);
  // sums[order[q], c] -= sum_i w_i (s_i - centre)
  void subtract(double* sums);
  const std::vector<float>& centre() const { return centre_; }

 private:
  void centre_query(int64_t q);

  const ProductKernel& product_;
  const Problem& problem_;
  const std::vector<int64_t>& order_;
  const int64_t dimensions_, block_rows_;
  const std::unique_ptr<float[]> room_;
  const std::vector<float> centre_;
  const int64_t padded_;        // numbers of a centred row
  std::vector<float> queries_;  // centred
  std::vector<double> query_squares_;

  const float* rows_ = nullptr;
  int64_t size_ = 0;
  std::vector<double> squares_, norms_;
  double largest_norm_ = 0;
  const std::unique_ptr<float[]> tile_weights_;
  std::vector<std::vector<int32_t>> tiles_;  // the sources that a tile of queries accepted
};

}  // namespace pfgm::field
