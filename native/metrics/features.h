// What a network sees in pictures, for distances between sets of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pfgm {

// Of n pictures: [n, F] float32, and [n, classes] of probabilities where the network gives them.
struct Features {
  at::Tensor features, probabilities;
};

class FeatureNetwork {
 public:
  // A TorchScript file whose forward() takes pictures uint8 NCHW. One with an argument `return_features`, as
  // StyleGAN2-ADA's Inception network has it, gives features with it and probabilities without; another one's
  // output are features, alone or as the first of a tuple whose second are probabilities.
  // Throws ERR_PFGM_IO where there is no such file, ERR_PFGM_DATA where it is not such a network.
  static std::shared_ptr<FeatureNetwork> load(const std::string& path);
  virtual ~FeatureNetwork() = default;
  // images: as networks make them, from -1 to 1, or uint8. Those of one channel are given as three where the
  // network takes three.
  virtual Features of(const at::Tensor& images) const = 0;
  // The tensors that a file of tensors fills, by name: none of a TorchScript file, which brings its own.
  virtual std::vector<std::pair<std::string, at::Tensor>> state() const { return {}; }
};

}  // namespace pfgm
