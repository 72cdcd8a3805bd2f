#include "field/float_products.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace pfgm::field {

namespace {

constexpr double kUnit = 0x1p-24;
constexpr double kDoubleUnit = 0x1p-48;  // the sums of squares' own rounding, generously
// What is taken for the rounding of q.s: u (kRounding |q| |s| + 2 |q.s|), more than its root mean square:
// images of one grey round all terms the same way. (170,000 products of real images: root mean square .6 to
// .9 of u (kRounding |q| |s| + |q.s|), 2.7 at most.)
constexpr double kRounding = 0.1;

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

}  // namespace

FloatProducts::FloatProducts(const Kernel& kernel, const Problem& problem, const std::vector<int64_t>& order)
    : product_(kernel.product),
      problem_(problem),
      order_(order),
      dimensions_(problem.sources.dimensions),
      block_rows_(problem.sources.block(kSourceBlock)),
      room_(problem.sources.room(std::min(block_rows_, problem.sources.count()))),
      centre_(centre_of(problem.sources)),
      padded_(round_up(dimensions_, product_.lanes)),
      queries_(problem.count * padded_),
      query_squares_(problem.count),
      squares_(kSourceBlock),
      norms_(kSourceBlock),
      tile_weights_(new float[problem.count * kSourceBlock]),
      tiles_(problem.count / product_.query_tile) {
  at::parallel_for(0, problem.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t q = first; q < last; ++q) centre_query(q);
  });
}

void FloatProducts::centre_query(int64_t q) {
  const double* query = problem_.queries + order_[q] * dimensions_;
  float* row = queries_.data() + q * padded_;
  for (int64_t c = 0; c < dimensions_; ++c) {
    const double value = query[c] - double(centre_[c]);
    row[c] = float(value);
    query_squares_[q] +=
        value * value;  // not of the rounded row: the difference would be far more than the product's
  }
}

void FloatProducts::take(int64_t start) {
  size_ = std::min(block_rows_, problem_.sources.count() - start);
  rows_ = problem_.sources.rows(start, size_, room_.get());
}

void FloatProducts::measure(double* distances) {
  constexpr int64_t kSliceTiles = 4;  // rows that stay in a core's cache while all queries pass
  const int64_t slice = kSliceTiles * product_.source_tile, slices = (size_ + slice - 1) / slice;
  at::parallel_for(0, slices, 1, [&](int64_t first, int64_t last) {
    const std::unique_ptr<float[]> centred(new float[slice * padded_]);
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = i * slice, count = std::min(slice, size_ - begin);
      product_.centre(rows_ + begin * dimensions_, count, dimensions_, centre_.data(), padded_, centred.get(),
                      squares_.data() + begin);
      product_.distances(queries_.data(), query_squares_.data(), problem_.count, centred.get(),
                         squares_.data() + begin, count, padded_, distances + begin);
    }
  });
  for (int64_t i = 0; i < size_; ++i) norms_[i] = std::sqrt(squares_[i]);
  largest_norm_ = *std::max_element(norms_.begin(), norms_.begin() + size_);
}

Rounding FloatProducts::rounding(int64_t q, double) const {
  const double square = query_squares_[q];
  return {2 * kRounding * kUnit * std::sqrt(square), 0, 2 * kUnit, kDoubleUnit, 0, square};
}

SumRounding FloatProducts::sum_rounding() const {
  return {4 * kUnit, 0};
}

// Each lane sums so many terms.
double FloatProducts::largest_rounding(int64_t q, double) const {
  const double terms = double(std::min<int64_t>(padded_ / product_.lanes, 192)) + 4;
  return terms * typical_rounding(q, 0);
}

double FloatProducts::typical_rounding(int64_t q, double) const {
  return 2 * kUnit * std::sqrt(query_squares_[q]) * largest_norm_;
}

// Packed by source, for sources that any of the tile's queries accepted.
void FloatProducts::accept(int64_t q, const double* weights) {
  const int64_t height = product_.query_tile;
  std::vector<int32_t>& list = tiles_[q / height];
  float* packed = tile_weights_.get() + q * kSourceBlock;
  list.clear();
  double any[kSourceBlock] = {};
  for (int64_t j = 0; j < height; ++j)
    for (int64_t i = 0; i < size_; ++i) any[i] += weights[j * kSourceBlock + i];
  for (int64_t i = 0; i < size_; ++i) {
    if (any[i] == 0) continue;
    for (int64_t j = 0; j < height; ++j) *packed++ = float(weights[j * kSourceBlock + i]);
    list.push_back(int32_t(i));
  }
}

// Some strips of coordinates at a time: while those are in a core's cache, all tiles of queries pass.
void FloatProducts::subtract(double* all_sums) {
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
          for (int64_t i = 0; i < product_.query_tile; ++i)
            sums[i] = all_sums + order_[q + i] * dimensions_ + strip * width;
          product_.subtract(packed.get() + (strip - job * group) * kSourceBlock * width, tiles_[tile].data(),
                            int64_t(tiles_[tile].size()), tile_weights_.get() + q * kSourceBlock,
                            std::min(width, dimensions_ - strip * width), sums.data());
        }
      }
    }
  });
}

}  // namespace pfgm::field
