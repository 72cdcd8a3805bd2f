#include "nn/network.h"

namespace pfgm {

int64_t Network::trained_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_)
    if (parameter.trained) count += parameter.value.numel();
  return count;
}

at::Device Network::device() const {
  return parameters_.front().value.device();
}

void Network::require_grad() {
  for (Parameter& parameter : parameters_)
    if (parameter.trained) parameter.value.requires_grad_(true);
}

}  // namespace pfgm
