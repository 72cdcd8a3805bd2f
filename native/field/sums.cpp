#include "field/sums.h"

#include <atomic>

namespace pfgm::field {
namespace {

std::atomic<Form> chosen{Form::kByCost};

// As measured (docs/performance.md): a product pays for its preparations where rows are long and meet several
// queries and many sources.
Form cheaper(const Problem& problem) {
  return problem.sources.dimensions > 128 && problem.count >= 16 && problem.sources.count() >= 256
             ? Form::kProduct
             : Form::kDifferences;
}

}  // namespace

void choose_form(Form form) {
  chosen = form;
}

Sums sum_over_sources(const Problem& problem) {
  const Form form = chosen == Form::kByCost ? cheaper(problem) : chosen.load();
  return form == Form::kProduct ? sums_by_product(current_kernel(), problem)
                                : sums_by_differences(current_kernel(), problem);
}

}  // namespace pfgm::field
