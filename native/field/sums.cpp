#include "field/sums.h"

#include <atomic>

namespace pfgm::field {
namespace {

std::atomic<Form> chosen{Form::kByCost};

// As measured (docs/performance.md): a product pays for its preparations where rows are long and meet several
// queries and many sources.
Form cheaper(const Problem& problem) {
  const ByteKernel* bytes = current_kernel().bytes;
  if (bytes && bytes != &kPortableBytes && problem.sources.dimensions > 128 && problem.count >= 16 &&
      problem.sources.count() >= 256)
    return Form::kBytes;
  return problem.sources.dimensions > 128 && problem.count >= 16 && problem.sources.count() >= 256
             ? Form::kProduct
             : Form::kDifferences;
}

}  // namespace

void choose_form(Form form) {
  chosen = form;
}

Sums sum_over_sources(const Problem& problem) {
  const Kernel& kernel = current_kernel();
  Form form = chosen;
  if (form == Form::kByCost) form = cheaper(problem);
  if (form == Form::kDifferences) return sums_by_differences(kernel.differences, problem);
  if (form == Form::kBytes && problem.sources.pixels && kernel.bytes &&
      problem.sources.dimensions <= kByteDimensions)
    return sums_by_bytes(kernel, problem);
  return sums_by_product(kernel, problem);
}

}  // namespace pfgm::field
