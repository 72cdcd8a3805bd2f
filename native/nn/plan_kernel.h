// The kernel that networks are evaluated and trained by on a CPU.
#pragma once

#include "plan/kernel.h"

namespace pfgm::nn {

// Of the same instructions as the field's, or the fastest.
const plan::Kernel& plan_kernel();

}  // namespace pfgm::nn
