#include "nn/plan_kernel.h"

#include <algorithm>
#include <cstring>

#include "field/kernel.h"

namespace pfgm::nn {

// The field's kernels are, the fastest first, amx, vnni, avx512, avx2 and portable; a plan's have bf16 where
// those have vnni, on processors that know it.
const plan::Kernel& plan_kernel() {
  const char* const wanted = field::current_kernel().name;
  const auto& kernels = plan::available_kernels();
  const auto named = [&](const char* name) {
    return std::find_if(kernels.begin(), kernels.end(),
                        [&](const plan::Kernel* one) { return std::strcmp(one->name, name) == 0; });
  };
  auto found = named(wanted);
  if (found == kernels.end()) found = named("bf16");
  if (found == kernels.end()) found = named("avx512");
  return found == kernels.end() ? *kernels.front() : **found;
}

}  // namespace pfgm::nn
