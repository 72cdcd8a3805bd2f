// How sure a classifier is of samples, and how many classes they have (Salimans et al., arXiv 1606.03498).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace pfgm {

// exp(mean over x of KL(p(c | x), p(c))) of each split of probabilities [n, classes], in their order.
std::vector<double> inception_scores(const at::Tensor& probabilities, int64_t splits);

}  // namespace pfgm
