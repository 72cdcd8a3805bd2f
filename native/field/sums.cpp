#include "field/sums.h"

#include <atomic>

namespace pfgm::field {
namespace {

std::atomic<Form> chosen{Form::kByCost};

// As measured (docs/notes/field.md): a product pays for its preparations where rows are long and meet several
// queries and many sources.
Form cheaper(const Problem& problem) {
  if (problem.sources.dimensions <= 128 || problem.count < 16 || problem.sources.count() < 256)
    return Form::kDifferences;
  return current_kernel().bytes == &kPortableBytes ? Form::kProduct : Form::kBytes;
}

// Products of bytes are there for pixels only, in not too many dimensions, and not in every kernel.
bool has_bytes(const Kernel& kernel, const Sources& sources) {
  return kernel.bytes && sources.pixels && sources.dimensions <= kByteDimensions;
}

}  // namespace

void choose_form(Form form) {
  chosen = form;
}

Sums sum_over_sources(const Problem& problem) {
  const Kernel& kernel = current_kernel();
  Form form = chosen;
  if (form == Form::kByCost) form = cheaper(problem);
  if (!problem.squares()) form = Form::kDifferences;
  if (form == Form::kDifferences) return sums_by_differences(kernel.differences, problem);
  return form == Form::kBytes && has_bytes(kernel, problem.sources) ? sums_by_bytes(kernel, problem)
                                                                    : sums_by_product(kernel, problem);
}

}  // namespace pfgm::field
