// The field by float32 products.
//
// |q - s|^2 = |q|^2 + |s|^2 - 2 q.s with everything centred is one matrix product, but its rounding e, about
// u |q| |s| (u = 2^-24), becomes a relative error p/2 e/|q - s|^2 of the weight. What that does to the field
// depends on the source's weight w and its distance to the mean of the sources:
//
//   |change of E| / |E|  <=  sum_i w_i (p c u |q| |s_i| / d_i^2) |s_i - mean| / |E|
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

#include "field/sums.h"

namespace pfgm::field {

namespace {

constexpr double kUnit = 0x1p-24;
constexpr double kDoubleUnit = 0x1p-48;  // the sums of squares' own rounding, generously
// What is taken for the rounding of q.s: u (kRounding |q| |s| + 2 |q.s|), more than its root mean square:
// images of one grey round all terms the same way.
constexpr double kRounding = 0.1;
// A product that is wrong by so many times that is not trusted, nor are the others of its query. (170,000
// products of real images: root mean square .6 to .9 of u (kRounding |q| |s| + |q.s|), 2.7 at most.)
constexpr double kOutlier = 3;
// The weighted sum's rounding in units of u |s|.
constexpr double kSumRounding = 4;
// What the accepted sources may change of the field, relative to its norm.
constexpr double kTolerance = 3e-7;
// Above this relative error of the weights the product is only a screen.
constexpr double kScreenOnly = 1.0 / 64;
// All sources below this share of the field together are left out.
constexpr double kNegligibleShare = 1e-11;

// The mean of up to 256 sources: any point in their midst would do.
std::vector<float> centre_of(const Sources& sources) {
  const int64_t taken = std::min<int64_t>(sources.count(), 256);
  const std::unique_ptr<float[]> room = sources.room(1);
  std::vector<double> sum(sources.dimensions);
  for (int64_t i = 0; i < taken; ++i) {
    const float* row = sources.rows(i * (sources.count() / taken), 1, room.get());
    for (int64_t c = 0; c < sources.dimensions; ++c) sum[c] += row[c];
  }
  std::vector<float> centre(sources.dimensions);
  for (int64_t c = 0; c < sources.dimensions; ++c) centre[c] = float(sum[c] / double(taken));
  return centre;
}

class ByProduct {
 public:
  ByProduct(const Kernel& kernel, const Problem& problem)
      : exact_(kernel.differences),
        product_(kernel.product),
        problem_(problem),
        source_count_(problem.sources.count()),
        dimensions_(problem.sources.dimensions),
        block_rows_(problem.sources.block(kSourceBlock)),
        room_(problem.sources.room(std::min(block_rows_, source_count_))),
        half_exponent_(double(problem.exponent) / 2),
        reach_(std::pow(kNegligibleShare / double(source_count_), -1 / half_exponent_)),
        centre_(centre_of(problem.sources)),
        padded_(round_up(dimensions_, kernel.product.lanes)),
        sums_(problem.count, dimensions_),
        order_(problem.count),
        queries_(problem.count * padded_),
        query_squares_(problem.count),
        minimum_(problem.count),
        accepted_(problem.count),
        trusted_(problem.count, 1),
        block_(new double[problem.count * kSourceBlock]),
        squares_(kSourceBlock),
        norms_(kSourceBlock),
        tile_weights_(new float[problem.count * kSourceBlock]),
        tiles_(problem.count / kernel.product.query_tile) {
    prepare_queries();
  }

  Sums run() {
    for (int64_t start = 0; start < source_count_; start += block_rows_) {
      size_ = std::min(block_rows_, source_count_ - start);
      rows_ = problem_.sources.rows(start, size_, room_.get());
      measure_distances();
      // Tiles of far queries take longer: each thread gets some of every kind.
      const int64_t tiles = int64_t(tiles_.size()), threads = at::get_num_threads();
      at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
        for (int64_t thread = first; thread < last; ++thread)
          for (int64_t tile = thread; tile < tiles; tile += threads) weigh_tile(tile);
      });
      add_accepted();
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

  void prepare_queries() {
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
    at::parallel_for(0, problem_.count, 1, [&](int64_t first, int64_t last) {
      for (int64_t q = first; q < last; ++q) {
        minimum_[q] = guess[order_[q]];
        centre_query(q);
      }
    });
  }

  void centre_query(int64_t q) {
    float* row = queries_.data() + q * padded_;
    for (int64_t c = 0; c < dimensions_; ++c) {
      const double value = query(q)[c] - double(centre_[c]);
      row[c] = float(value);
      query_squares_[q] +=
          value * value;  // not of the rounded row: the difference would be far more than the product's
    }
  }

  void measure_distances() {
    constexpr int64_t kSliceTiles = 4;  // rows that stay in a core's cache while all queries pass
    const int64_t slice = kSliceTiles * product_.source_tile, slices = (size_ + slice - 1) / slice;
    at::parallel_for(0, slices, 1, [&](int64_t first, int64_t last) {
      const std::unique_ptr<float[]> centred(new float[slice * padded_]);
      for (int64_t i = first; i < last; ++i) {
        const int64_t begin = i * slice, count = std::min(slice, size_ - begin);
        product_.centre(rows_ + begin * dimensions_, count, dimensions_, centre_.data(), padded_,
                        centred.get(), squares_.data() + begin);
        product_.distances(queries_.data(), query_squares_.data(), problem_.count, centred.get(),
                           squares_.data() + begin, count, padded_, block_.get() + begin);
      }
    });
    for (int64_t i = 0; i < size_; ++i) norms_[i] = std::sqrt(squares_[i]);
    largest_norm_ = *std::max_element(norms_.begin(), norms_.begin() + size_);
  }

  // What the rounding of a squared distance by product can be at most: each lane sums so many terms.
  double rounding_bound(int64_t q, double source_norm) const {
    const double terms = double(std::min<int64_t>(padded_ / product_.lanes, 192)) + 4;
    return 2 * terms * kUnit * std::sqrt(query_squares_[q]) * source_norm;
  }

  void weigh_tile(int64_t tile) {
    for (int64_t q = tile * product_.query_tile; q < (tile + 1) * product_.query_tile; ++q) weigh(q);
    list_accepted(tile);
  }

  // Weights of one query's sources in the block. Those of the sources that were evaluated exactly are added
  // to the sums and become 0; what is left is accepted as it is.
  void weigh(int64_t q) {
    double* distances = block_.get() + q * kSourceBlock;
    double nearest = INFINITY;
    for (int64_t i = 0; i < size_; ++i) nearest = std::min(nearest, distances[i]);
    const double bound = rounding_bound(q, largest_norm_);
    const double limit =
        std::min(minimum_[q], nearest + bound + height_squared(q)) * reach_ - height_squared(q) + bound;
    if (nearest > limit) {
      std::fill_n(distances, size_, 0.0);
    } else if (half_exponent_ * 2 * kUnit * std::sqrt(query_squares_[q]) * largest_norm_ /
                   (nearest + height_squared(q)) <
               kScreenOnly) {
      weigh_accepting(q, distances);
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
    int32_t list[kSourceBlock];
    double exact[kSourceBlock];
    int64_t count = 0;
    for (int64_t i = 0; i < size_; ++i)
      if (distances[i] <= limit) list[count++] = int32_t(i);
    std::fill_n(distances, size_, 0.0);
    exact_.listed_distances(query(q), rows_, list, count, dimensions_, exact);
    scale_sums(q,
               exact_.weigh(exact, count, height_squared(q), problem_.exponent, minimum_[q], weight_sum(q)));
    exact_.accumulate_listed(query(q), rows_, list, exact, count, dimensions_, weighted(q));
  }

  void weigh_accepting(int64_t q, double* weights) {
    double products[kSourceBlock];
    std::copy_n(weights, size_, products);
    const double before = weight_sum(q);
    const double scale =
        exact_.weigh(weights, size_, height_squared(q), problem_.exponent, minimum_[q], weight_sum(q));
    scale_sums(q, scale);
    const double total = weight_sum(q), added = total - before * scale;

    // What each source changes of the field if accepted. That the field is no shorter than half the distance
    // to the nearest source is checked at the end.
    const double field = std::sqrt(minimum_[q]) / 2;
    const double distance_error = 2 * half_exponent_ / minimum_[q] / field,
                 sum_error = kSumRounding * kUnit / field;
    const double query_square = query_squares_[q], query_norm = std::sqrt(query_square);
    const auto rounding = [&](int64_t i) {  // of the distance
      return kUnit * (2 * kRounding * query_norm * norms_[i] +
                      2 * std::abs(query_square + squares_[i] - products[i])) +
             kDoubleUnit * (query_square + squares_[i]);
    };
    double change[kSourceBlock], sum = 0;
    for (int64_t i = 0; i < size_; ++i)
      change[i] = weights[i] * norms_[i] * (distance_error * rounding(i) + sum_error);
    for (int64_t i = 0; i < size_; ++i) sum += change[i];
    if (!std::isfinite(sum)) {
      trusted_[q] = 0;
      std::fill_n(weights, size_, 0.0);
      return;
    }
    const double allowed = kTolerance / 2 * (added + total * double(size_) / double(source_count_));
    const double largest_accepted = sum <= allowed ? INFINITY : threshold(change, allowed);

    int32_t list[kSourceBlock];
    double exact[kSourceBlock], listed[kSourceBlock];
    int64_t count = 0;
    const int64_t heaviest =
        std::max_element(weights, weights + size_) - weights;  // measures the product's error
    const double negligible = kNegligibleShare * total / double(source_count_);
    double accepted = 0, dropped = 0;
    for (int64_t i = 0; i < size_; ++i) {
      if (weights[i] < negligible) {
        dropped += weights[i];
        weights[i] = 0;
      } else if (change[i] > largest_accepted || i == heaviest) {
        list[count++] = int32_t(i);
      } else {
        accepted += weights[i];
      }
    }
    exact_.listed_distances(query(q), rows_, list, count, dimensions_, exact);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t i = list[j];
      if (!(std::abs(products[i] - exact[j]) <= kOutlier * rounding(i))) trusted_[q] = 0;
      // Relative to the same minimum, although a product may have set it: any scale will do.
      const double square = std::max(exact[j] + height_squared(q), kSmallestSquare);
      listed[j] = std::pow(minimum_[q] / square, half_exponent_);
      weight_sum(q) += listed[j] - weights[i];
      weights[i] = 0;
    }
    weight_sum(q) -= dropped;
    accepted_[q] += accepted;
    exact_.accumulate_listed(query(q), rows_, list, listed, count, dimensions_, weighted(q));
  }

  // The power of two below which changes sum to no more than allowed.
  double threshold(const double* change, double allowed) const {
    constexpr int kBins = 64;
    double bins[kBins] = {};
    const int top = std::ilogb(*std::max_element(change, change + size_)) + 1;
    for (int64_t i = 0; i < size_; ++i)
      if (change[i] > 0) bins[std::clamp(top - std::ilogb(change[i]), 0, kBins - 1)] += change[i];
    int bin = kBins;
    for (double sum = 0; bin > 0 && sum + bins[bin - 1] <= allowed;) sum += bins[--bin];
    return std::ldexp(1.0, top - bin + 1);
  }

  // Packs a tile's accepted weights by source, for sources that any of its queries accepted.
  void list_accepted(int64_t tile) {
    const int64_t height = product_.query_tile;
    std::vector<int32_t>& list = tiles_[tile];
    float* packed = tile_weights_.get() + tile * height * kSourceBlock;
    list.clear();
    const double* weights = block_.get() + tile * height * kSourceBlock;
    double any[kSourceBlock] = {};
    for (int64_t q = 0; q < height; ++q)
      for (int64_t i = 0; i < size_; ++i) any[i] += weights[q * kSourceBlock + i];
    for (int64_t i = 0; i < size_; ++i) {
      if (any[i] == 0) continue;
      for (int64_t q = 0; q < height; ++q) *packed++ = float(weights[q * kSourceBlock + i]);
      list.push_back(int32_t(i));
    }
  }

  // weighted -= sum w (s - centre) over the accepted sources, some strips of coordinates at a time: while
  // those are in a core's cache, all tiles of queries pass.
  void add_accepted() {
    const int64_t width = product_.strip, strips = (dimensions_ + width - 1) / width;
    const int64_t group = std::clamp<int64_t>(strips / at::get_num_threads(), 1, 4);
    at::parallel_for(0, (strips + group - 1) / group, 1, [&](int64_t first, int64_t last) {
      const std::unique_ptr<float[]> packed(new float[group * kSourceBlock * width]);
      std::vector<double*> sums(product_.query_tile);
      for (int64_t job = first; job < last; ++job) {
        const int64_t end = std::min((job + 1) * group, strips);
        for (int64_t strip = job * group; strip < end; ++strip)
          product_.pack(rows_, size_, dimensions_, centre_.data(), strip * width,
                        packed.get() + (strip - job * group) * kSourceBlock * width);
        for (int64_t tile = 0; tile < int64_t(tiles_.size()); ++tile) {
          const int64_t q = tile * product_.query_tile;
          for (int64_t strip = job * group; strip < end; ++strip) {
            for (int64_t i = 0; i < product_.query_tile; ++i) sums[i] = weighted(q + i) + strip * width;
            product_.subtract(packed.get() + (strip - job * group) * kSourceBlock * width,
                              tiles_[tile].data(), int64_t(tiles_[tile].size()),
                              tile_weights_.get() + q * kSourceBlock,
                              std::min(width, dimensions_ - strip * width), sums.data());
          }
        }
      }
    });
  }

  // The accepted sources' q - s is (q - centre) - (s - centre).
  void finish(int64_t q) {
    double square = height_squared(q) * weight_sum(q) * weight_sum(q);
    double* sums = weighted(q);
    for (int64_t c = 0; c < dimensions_; ++c) {
      sums[c] += accepted_[q] * (query(q)[c] - double(centre_[c]));
      square += sums[c] * sums[c];
    }
    if (!(square >= minimum_[q] / 4 * weight_sum(q) * weight_sum(q))) trusted_[q] = 0;
  }

  void redo_distrusted() {
    std::vector<int64_t> rows;
    for (int64_t q = 0; q < problem_.count; ++q)
      if (!trusted_[q]) rows.push_back(q);
    if (rows.empty()) return;
    room_.reset();
    block_.reset();
    tile_weights_.reset();
    queries_ = {};
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
    const Sums sums = sums_by_differences({"", exact_, product_}, again);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(sums.weighted.data() + i * dimensions, dimensions, weighted(rows[i]));
      weight_sum(rows[i]) = sums.weights[i];
    }
  }

  const DifferenceKernel& exact_;
  const ProductKernel& product_;
  const Problem& problem_;
  const int64_t source_count_, dimensions_, block_rows_;
  std::unique_ptr<float[]> room_;
  const double half_exponent_;
  const double reach_;  // times the nearest squared distance: beyond it sources do not count
  const std::vector<float> centre_;
  const int64_t padded_;  // numbers of a centred row
  Sums sums_;
  std::vector<int64_t> order_;  // queries, the nearest first; what follows is in this order
  std::vector<float> queries_;  // centred
  std::vector<double> query_squares_;
  std::vector<double> minimum_;
  std::vector<double> accepted_;  // sum of the accepted sources' weights
  std::vector<char> trusted_;

  // The block of sources that passes.
  const float* rows_ = nullptr;
  int64_t size_ = 0;
  std::unique_ptr<double[]> block_;  // distances, then weights
  std::vector<double> squares_, norms_;
  double largest_norm_ = 0;
  std::unique_ptr<float[]> tile_weights_;
  std::vector<std::vector<int32_t>> tiles_;  // the sources that a tile of queries accepted
};

}  // namespace

Sums sums_by_product(const Kernel& kernel, const Problem& problem) {
  return ByProduct(kernel, problem).run();
}

}  // namespace pfgm::field
