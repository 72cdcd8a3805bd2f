// The field by products of queries and sources: of float32 numbers (float_products.h) or bytes
// (byte_products.h).
//
// |q - s|^2 = |q|^2 + |s|^2 - 2 q.s is one matrix product, but its rounding e becomes a relative error
// p/2 e/|q - s|^2 of the weight. What that does to the field depends on the source's weight w and its
// distance to the mean of the sources:
//
//   |change of E| / |E|  <=  sum_i w_i (p c e_i / d_i^2) |s_i - mean| / |E|
//
// Far from the data every term is small. Nearer, few sources carry the weight: those are evaluated again by
// float64 differences, as many as it takes for what remains to be below a tolerance. Nearer still the product
// only tells which sources can matter at all. c is far above what rounding does to real numbers but no proof,
// so each exact distance is held against the product's: a query for which the product was wrong by more, or
// whose field is short because its sources pull in opposite directions, is done again by differences alone.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "field/byte_products.h"
#include "field/float_products.h"
#include "field/sums.h"
#include "runtime/stop.h"

namespace pfgm::field {

namespace {

// A product that is wrong by so many times its expected rounding is not trusted, nor are the others of its
// query.
constexpr double kOutlier = 3;
// What the accepted sources may change of the field, relative to its norm.
constexpr double kTolerance = 3e-7;
// Above this relative error of the weights the product is only a screen.
constexpr double kScreenOnly = 1.0 / 64;
// All sources below this share of the field together are left out.
constexpr double kNegligibleShare = 1e-11;

template <class Products>
class ByProduct {
 public:
  ByProduct(const Kernel& kernel, const Problem& problem)
      : exact_(kernel.differences),
        weighing_(kernel.weighing),
        problem_(problem),
        source_count_(problem.sources.count()),
        dimensions_(problem.sources.dimensions),
        half_exponent_(double(problem.exponent) / 2),
        reach_(std::pow(kNegligibleShare / double(source_count_), -1 / half_exponent_)),
        sums_(problem.count, dimensions_),
        order_(problem.count),
        minimum_(problem.count),
        accepted_(problem.count),
        trusted_(problem.count, 1),
        block_(new double[round_up(problem.count, kByteGroup) * kSourceBlock]) {
    order_queries();
    products_.emplace(kernel, problem, order_);
  }

  Sums run() {
    for (int64_t start = 0; start < source_count_; start += products_->size()) {
      Stop::current().check();
      products_->take(start);
      products_->measure(block_.get());
      // Tiles of far queries take longer: each thread gets some of every kind.
      const int64_t tile = products_->tile(), threads = at::get_num_threads();
      at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
        for (int64_t thread = first; thread < last; ++thread)
          for (int64_t q = thread * tile; q < problem_.count; q += threads * tile) {
            for (int64_t j = q; j < q + tile; ++j) weigh(j);
            products_->accept(q, block_.get() + q * kSourceBlock);
          }
      });
      products_->subtract(sums_.weighted.data());
    }
    at::parallel_for(0, problem_.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t q = first; q < last; ++q) finish(q);
    });
    redo_distrusted();
    return std::move(sums_);
  }

 private:
  // Queries are taken from the nearest to the farthest, so that those of a tile need much the same.
  const double* query(int64_t q) const { return problem_.queries + order_[q] * dimensions_; }
  double height_squared(int64_t q) const { return problem_.heights_squared[order_[q]]; }
  double* weighted(int64_t q) { return sums_.weighted.data() + order_[q] * dimensions_; }
  double& weight_sum(int64_t q) { return sums_.weights[order_[q]]; }

  void order_queries() {
    // In training query i is source i, perturbed, unless guesses say which: some source in any case.
    std::vector<double> guess(problem_.count);
    at::parallel_for(0, problem_.count, 1, [&](int64_t first, int64_t last) {
      const std::unique_ptr<float[]> room = problem_.sources.room(1);
      for (int64_t q = first; q < last; ++q) {
        const int64_t source = std::min(problem_.guesses ? problem_.guesses[q] : q, source_count_ - 1);
        const int32_t first_row = 0;
        exact_.listed_distances(problem_.queries + q * dimensions_,
                                problem_.sources.rows(source, 1, room.get()), &first_row, 1, dimensions_,
                                &guess[q]);
        guess[q] = std::max(kSmallestSquare, guess[q] + problem_.heights_squared[q]);  // also for NaN
      }
    });
    std::iota(order_.begin(), order_.end(), 0);
    std::sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) { return guess[a] < guess[b]; });
    for (int64_t q = 0; q < problem_.count; ++q) minimum_[q] = guess[order_[q]];
  }

  // Weights of one query's sources in the block. Those of the sources that were evaluated exactly are added
  // to the sums and become 0; what is left is accepted as it is.
  void weigh(int64_t q) {
    double* distances = block_.get() + q * kSourceBlock;
    const int64_t size = products_->size();
    const double nearest = weighing_.least(distances, size);
    const double least = nearest + products_->largest_rounding(q, nearest) + height_squared(q);
    const double reached = std::min(minimum_[q], least) * reach_ - height_squared(q);
    const double limit = reached + products_->largest_rounding(q, reached);
    if (nearest > limit) {
      std::fill_n(distances, size, 0.0);
    } else if (half_exponent_ * products_->typical_rounding(q, nearest) / (nearest + height_squared(q)) <
               kScreenOnly) {
      weigh_accepting(q, distances, nearest + height_squared(q));
    } else {
      weigh_screened(q, distances, limit);
    }
  }

  void scale_sums(int64_t q, double by) {
    if (by == 1.0) return;
    double* sums = weighted(q);
    for (int64_t c = 0; c < dimensions_; ++c) sums[c] *= by;
    accepted_[q] *= by;
  }

  void weigh_screened(int64_t q, double* distances, double limit) {
    const int64_t size = products_->size();
    int32_t list[kSourceBlock];
    double exact[kSourceBlock];
    int64_t count = 0;
    for (int64_t i = 0; i < size; ++i)
      if (distances[i] <= limit) list[count++] = int32_t(i);
    std::fill_n(distances, size, 0.0);
    measure_listed(q, list, count, exact);
    scale_sums(q,
               exact_.weigh(exact, count, height_squared(q), problem_.exponent, minimum_[q], weight_sum(q)));
    accumulate_listed(q, list, exact, count);
  }

  void measure_listed(int64_t q, const int32_t* list, int64_t count, double* exact) const {
    products_->rows(list, count, [&](const float* rows, const int32_t* of_rows, int64_t first, int64_t part) {
      exact_.listed_distances(query(q), rows, of_rows, part, dimensions_, exact + first);
    });
  }

  void accumulate_listed(int64_t q, const int32_t* list, const double* weights, int64_t count) {
    products_->rows(list, count, [&](const float* rows, const int32_t* of_rows, int64_t first, int64_t part) {
      exact_.accumulate_listed(query(q), rows, of_rows, weights + first, part, dimensions_, weighted(q));
    });
  }

  void weigh_accepting(int64_t q, double* weights, double nearest_square) {
    const int64_t size = products_->size();
    double products[kSourceBlock], rounding[kSourceBlock], change[kSourceBlock];
    std::copy_n(weights, size, products);
    weighing_.roundings(products_->rounding(q, nearest_square), products, products_->norms(), size, rounding);
    const double before = weight_sum(q);
    const double scale =
        exact_.weigh(weights, size, height_squared(q), problem_.exponent, minimum_[q], weight_sum(q));
    scale_sums(q, scale);
    const double total = weight_sum(q), added = total - before * scale;

    // What each source changes of the field if accepted. That the field is no shorter than half the distance
    // to the nearest source is checked at the end.
    const double field = std::sqrt(minimum_[q]) / 2;
    const SumRounding of_sum = products_->sum_rounding();
    const double sum = weighing_.changes(weights, rounding, products_->norms(), size,
                                         2 * half_exponent_ / minimum_[q] / field, of_sum.norm / field,
                                         of_sum.weight / field, change);
    if (!std::isfinite(sum)) {
      trusted_[q] = 0;
      std::fill_n(weights, size, 0.0);
      return;
    }
    const double share = 1 / double(source_count_);
    const double allowed = kTolerance / 2 * (added + total * double(size) * share);
    double largest_accepted = INFINITY;
    if (sum > allowed) {
      largest_accepted = allowed;
      while (weighing_.sum_up_to(change, size, largest_accepted) > allowed) largest_accepted /= 2;
    }
    int32_t list[kSourceBlock];
    double exact[kSourceBlock], listed[kSourceBlock];
    const WeightShares shares =
        weighing_.divide(weights, change, size, kNegligibleShare * total * share, largest_accepted, list);
    const int64_t count = shares.listed;
    measure_listed(q, list, count, exact);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t i = list[j];
      if (!(std::abs(products[i] - exact[j]) <= kOutlier * rounding[i])) trusted_[q] = 0;
      // Relative to the same minimum, although a product may have set it: any scale will do.
      const double square = std::max(exact[j] + height_squared(q), kSmallestSquare);
      listed[j] = std::pow(minimum_[q] / square, half_exponent_);
      weight_sum(q) += listed[j] - weights[i];
      weights[i] = 0;
    }
    weight_sum(q) -= shares.dropped;
    accepted_[q] += shares.accepted;
    accumulate_listed(q, list, listed, count);
  }

  // The accepted sources' q - s is (q - centre) - (s - centre).
  void finish(int64_t q) {
    double square = height_squared(q) * weight_sum(q) * weight_sum(q);
    double* sums = weighted(q);
    for (int64_t c = 0; c < dimensions_; ++c) {
      sums[c] += accepted_[q] * (query(q)[c] - double(products_->centre()[c]));
      square += sums[c] * sums[c];
    }
    if (!(square >= minimum_[q] / 4 * weight_sum(q) * weight_sum(q))) trusted_[q] = 0;
  }

  void redo_distrusted() {
    std::vector<int64_t> rows;
    for (int64_t q = 0; q < problem_.count; ++q)
      if (!trusted_[q]) rows.push_back(q);
    if (rows.empty()) return;
    block_.reset();
    products_.reset();
    const int64_t count = round_up(int64_t(rows.size()), kQueryPadding), dimensions = dimensions_;
    std::vector<double> queries(count * dimensions), heights_squared(count);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t q = rows[std::min<size_t>(i, rows.size() - 1)];
      std::copy_n(query(q), dimensions, queries.data() + i * dimensions);
      heights_squared[i] = height_squared(q);
    }
    Problem again = problem_;
    again.queries = queries.data();
    again.heights_squared = heights_squared.data();
    again.count = count;
    const Sums sums = sums_by_differences(exact_, again);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(sums.weighted.data() + i * dimensions, dimensions, weighted(rows[i]));
      weight_sum(rows[i]) = sums.weights[i];
    }
  }

  const DifferenceKernel& exact_;
  const WeighingKernel& weighing_;
  const Problem& problem_;
  const int64_t source_count_, dimensions_;
  const double half_exponent_;
  const double reach_;  // times the nearest squared distance: beyond it sources do not count
  Sums sums_;
  std::vector<int64_t> order_;  // queries, the nearest first; what follows is in this order
  std::vector<double> minimum_;
  std::vector<double> accepted_;  // sum of the accepted sources' weights
  std::vector<char> trusted_;
  std::optional<Products> products_;
  std::unique_ptr<double[]>
      block_;  // of whole groups of queries: distances to the block of sources that passes, then weights
};

}  // namespace

Sums sums_by_product(const Kernel& kernel, const Problem& problem) {
  return ByProduct<FloatProducts>(kernel, problem).run();
}

Sums sums_by_bytes(const Kernel& kernel, const Problem& problem) {
  return ByProduct<ByteProducts>(kernel, problem).run();
}

}  // namespace pfgm::field
