// What every network of this package is: a map (x, z) -> (v_x, v_z) with named parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/image_size.h"
#include "plan/step.h"

namespace pfgm {

using plan::Precision;

namespace nn {
class NetworkPlan;
}

struct Parameter {
  std::string name;  // as in the published checkpoints: "all_modules.3.Conv_0.weight"
  at::Tensor value;
  bool trained = true;  // false: stored with the weights but fixed (Fourier frequencies)
};

// A row's class where it has none.
constexpr int64_t kNoLabel = -1;

// How a forward pass runs. Dropout is active only while training, and its masks are a function of
// `dropout_seed`.
struct Mode {
  bool training = false;
  uint64_t dropout_seed = 0;
  at::Tensor labels;  // [b] int64, kNoLabel for none; undefined where no row has one
  // Activations inside of blocks are made again on the pass back rather than kept.
  bool recomputes = false;
  // Convolutions on a CPU are done by the package's kernels rather than by libtorch's operations.
  bool fuses = false;
  // What those kernels round their products to; libtorch's operations know it from Autocast.
  Precision precision = Precision::kFloat32;
};

// What a network gives at a point.
enum class Output {
  kField,     // (v_x, v_z) of a Poisson flow
  kImage,     // one number for each of x's: what it stands for is the flow's to say
  kDenoised,  // the mean of the data that x may come from, as it is
};

struct Field {
  at::Tensor x;  // as the input x
  at::Tensor z;  // [b]; undefined unless the output is a field
};

class Network {
 public:
  virtual ~Network() = default;

  // x [b, C, H, W] or [b, D] float32; z [b] float32: the height, clamped to >= 1e-10; where the output is an
  // image, whatever number the flow tells the noise by.
  virtual Field forward(const at::Tensor& x, const at::Tensor& z, const Mode& mode) const = 0;

  virtual Output output() const { return Output::kField; }

  // How many items one thread takes at a time in infer where there is no plan: a function of the
  // architecture alone.
  virtual int64_t tile() const = 0;

  // What evaluates the network without gradients on the CPU, for the weights as they are; null where plans do
  // not have what it is made of. For a device's own thread.
  nn::NetworkPlan* plan(Precision precision) const;

  // The shape of one item of x.
  const std::vector<int64_t>& shape() const { return shape_; }
  // How many numbers that is.
  int64_t dimensions() const;
  // The shape of so many items.
  std::vector<int64_t> batch_shape(int64_t count) const;
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  int64_t trained_count() const;
  at::Device device() const;
  void require_grad();

  // Raised by whatever changes the weights, for whoever keeps copies of them.
  uint64_t weights_version() const { return weights_version_; }
  void weights_changed() { ++weights_version_; }

 protected:
  virtual std::shared_ptr<nn::NetworkPlan> make_plan(Precision) const { return nullptr; }

  std::vector<int64_t> shape_;
  std::vector<Parameter> parameters_;

 private:
  // Of each precision.
  struct Planned {
    std::shared_ptr<nn::NetworkPlan> plan;
    bool is_known = false;
  };
  mutable Planned planned_[2];
  std::atomic<uint64_t> weights_version_{0};  // a device's thread raises it, others read it
};

// The field without gradients, on the host: x [b, ...] and z [b] float32 and contiguous.
//
// On the CPU what an item gives depends neither on the rest of the batch nor on the number of threads, to the
// last bit: an adaptive solver turns a difference in one into other steps. A plan sees to that; without one
// the batch is cut into tiles of a fixed size, the last one padded, and each tile runs on one thread, as
// libtorch's kernels round differently at other batch sizes. Another device takes the batch whole, or in such
// tiles if `deterministic`. labels: as Mode has them.
Field infer(const Network& network, const at::Tensor& x, const at::Tensor& z, const at::Tensor& labels,
            bool deterministic, Precision precision);

// How the shrunken input joins in between the levels of a network.
enum class ProgressiveInput {
  kNone,
  kSkip,      // the input itself, by a 1 x 1 convolution
  kResidual,  // the input and what it joined in with before, by a 3 x 3 one
};

// A DDPM++ or NCSN++ of the published PFGM configurations; the fields are those of their `model` section.
struct UnetConfig {
  int64_t channels = 3;  // of the image
  ImageSize image_size;
  int64_t nf = 128;  // channels at full resolution
  std::vector<int64_t> ch_mult = {1, 2, 2, 2};
  int64_t num_res_blocks = 4;
  std::vector<int64_t> attn_resolutions = {16};
  double dropout = 0.1;
  bool fourier = false;  // embed ln z with random Fourier features instead of z with sines and cosines
  double fourier_scale = 16;
  bool fir = false;  // resample with the (1, 3, 3, 1) filter
  ProgressiveInput progressive_input = ProgressiveInput::kNone;
  bool progressive_cat = false;    // concatenate what kSkip brings, instead of adding it
  bool ddpm_blocks = false;        // DDPM's residual blocks instead of BigGAN's
  bool resample_with_conv = true;  // with DDPM's blocks: convolve where the size changes
  bool skip_rescale = true;
  double init_scale = 0;
  bool centered = true;  // data in [-1, 1]; otherwise in [0, 1]
  int64_t labels = 0;    // classes
  Output output = Output::kField;
};

// A network of EDM and PFGM++: SongUNet (DDPM++, NCSN++), or DhariwalUNet (ADM) where `adm`.
struct EdmUnetConfig {
  bool adm = false;
  int64_t channels = 3;  // of the image
  ImageSize image_size;
  int64_t labels = 0;   // classes
  int64_t augment = 0;  // labels of augmented training, which are kept and never given
  int64_t model_channels = 128;
  std::vector<int64_t> channel_mult = {2, 2, 2};
  int64_t num_blocks = 4;
  std::vector<int64_t> attn_resolutions = {16};
  double dropout = 0.1;
  bool fourier = false;
  int64_t channel_mult_noise = 1;
  bool residual_encoder = false;
  bool fir = false;  // resample with the (1, 3, 3, 1) filter
};

// DDPM's U-Net, as UNet2DModel of diffusers.
struct DdpmUnetConfig {
  int64_t channels = 3;  // of the image
  ImageSize image_size;
  std::vector<int64_t> block_channels = {128, 256, 256, 256};  // a level each
  int64_t layers_per_block = 2;
  std::vector<int64_t> attn_resolutions = {16};
  int64_t head_channels = 0;  // of an attention's head; 0: one head
  int64_t norm_groups = 32;
  double norm_epsilon = 1e-5;
  int64_t downsample_padding = 1;  // 0: of a row and a column, on the right and below
  bool cosines_first = true;
  double frequency_shift = 0;  // the highest of n frequencies is that over 10000 to the (n - 1) / (n - shift)
  double dropout = 0;
  int64_t labels = 0;  // classes
};

// The U-Net of k-diffusion's image_v1 models.
struct KUnetConfig {
  int64_t channels = 3;  // of the image
  ImageSize image_size;
  int64_t patch_size = 1;                   // squares of so many pixels a side are taken for one
  int64_t mapping_channels = 256;           // of what the noise is told by
  std::vector<int64_t> depths = {2, 4, 4};  // residual blocks a level, on either way
  std::vector<int64_t> block_channels = {128, 256, 512};  // a level each
  std::vector<bool> attends = {false, true, true};  // whether a level's blocks are followed by attention
  double dropout = 0;                               // of whole channels
  int64_t labels = 0;                               // classes
};

// The network of NCSNv2, a RefineNet.
struct RefinenetConfig {
  int64_t channels = 3;  // of the image
  ImageSize image_size;
  int64_t nf = 128;  // channels at full resolution
  Output output = Output::kField;
};

// A fully connected network for points.
struct MlpConfig {
  int64_t dimensions = 2;
  int64_t width = 256;
  int64_t depth = 4;  // residual blocks
  Output output = Output::kField;
};

// The exact field, or the exact denoiser, of a mixture of isotropic Gaussians. A row's label names its
// Gaussian; rows without one are of all.
struct GaussiansConfig {
  int64_t dimensions = 2;
  int64_t components = 1;
  std::vector<double> deviations;  // one a Gaussian; 0: points
  std::vector<double> weights;     // one a Gaussian, in any unit
  double gamma = 5;                // of a field: softens it, as in PfgmConfig
  Output output = Output::kField;
  double extra_dimensions = 1;  // of the kernel (D of PFGM++): 1 of a field; infinite: Gaussian noise
};

std::shared_ptr<Network> make_unet(const UnetConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_edm_unet(const EdmUnetConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_ddpm_unet(const DdpmUnetConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_k_unet(const KUnetConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_refinenet(const RefinenetConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_mlp(const MlpConfig& config, uint64_t seed, at::Device device);
std::shared_ptr<Network> make_gaussians(const GaussiansConfig& config, uint64_t seed, at::Device device);

}  // namespace pfgm
