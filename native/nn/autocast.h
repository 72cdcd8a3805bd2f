// Libtorch's operations in bfloat16, where a network is evaluated or trained by them.
#pragma once

#include <ATen/autocast_mode.h>

#include "plan/step.h"

namespace pfgm::nn {

// For this thread and what runs on this device, as long as it lives: products of matrices and convolutions
// take bfloat16, sums and what needs more digits stay float32.
class Autocast {
 public:
  Autocast(at::Device device, plan::Precision precision)
      : device_(device.type()), active_(precision == plan::Precision::kBfloat16) {
    if (!active_) return;
    was_enabled_ = at::autocast::is_autocast_enabled(device_);
    type_ = at::autocast::get_autocast_dtype(device_);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!active_) return;
    // Rounded weights are of the weights as they are now.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, was_enabled_);
    at::autocast::set_autocast_dtype(device_, type_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const at::DeviceType device_;
  const bool active_;
  bool was_enabled_ = false;
  at::ScalarType type_ = at::kBFloat16;
};

}  // namespace pfgm::nn
