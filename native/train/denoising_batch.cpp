#include "train/denoising_batch.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <utility>
#include <vector>

#include "data/values.h"
#include "runtime/grain.h"
#include "runtime/profile.h"

namespace pfgm {
namespace {

// Draw number i of a batch is a function of (seed, batch, i).
std::vector<double> draw_sigmas(const DenoisingBatchSettings& settings, int64_t count) {
  const Philox random(settings.seed, (uint64_t(Purpose::kPerturbation) << 48) | settings.step);
  std::vector<double> sigmas(count);
  for (int64_t i = 0; i < count; ++i) {
    double normal[4], uniform[4];
    random.normals(uint64_t(i), normal);
    random.uniforms(uint64_t(i), uniform);
    sigmas[i] = settings.scales->drawn_sigma(uniform[0], normal[0]);
  }
  return sigmas;
}

KernelDraws draw_noise(const DenoisingBatchSettings& settings, int64_t count, int64_t dimensions) {
  const Philox random(settings.seed, (uint64_t(Purpose::kNoise) << 48) | settings.step);
  return draw_kernel(count, dimensions, settings.d, [&random](int64_t row) {
    return std::pair(random, uint64_t(row) << 32);  // more blocks than a row's draws take
  });
}

// The mean of the references that each point may come from.
at::Tensor posterior(const at::Tensor& data, const Items& items, const at::Tensor& points,
                     const std::vector<double>& sigmas, const DenoisingBatchSettings& settings) {
  const double scale = std::isfinite(settings.d) ? std::sqrt(settings.d) : 1;
  const at::Tensor r = at::tensor(sigmas, at::kDouble) * scale, x = points.to(at::kFloat);
  const auto mean = [&](const FieldSources& sources, const at::Tensor& rows) {
    return posterior_mean(sources, x.index_select(0, rows), r.index_select(0, rows), settings.d);
  };
  return learned_from_references(data, items, settings, mean).to(at::kCPU).to(at::kDouble).contiguous();
}

}  // namespace

Batch preconditioned(const at::Tensor& points, const at::Tensor& learned, const std::vector<double>& sigmas,
                     const Scales& scales) {
  const int64_t count = points.size(0), dimensions = points.size(1);
  Batch batch{at::empty(points.sizes(), at::kFloat),
              at::empty({count}, at::kFloat),
              at::empty(points.sizes(), at::kFloat),
              at::empty({count}, at::kFloat),
              {}};
  const double* from = learned.const_data_ptr<double>();
  const double* point = points.const_data_ptr<double>();
  float* x = batch.x.mutable_data_ptr<float>();
  float* z = batch.z.mutable_data_ptr<float>();
  float* target = batch.target.mutable_data_ptr<float>();
  float* weight = batch.weight.mutable_data_ptr<float>();
  at::parallel_for(0, count, grain(dimensions), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const double in = scales.c_in(sigmas[i]), skip = 1 - scales.c_away(sigmas[i]),
                   out = scales.c_out(sigmas[i]);
      z[i] = float(scales.c_noise(sigmas[i]));
      weight[i] = float(scales.weight(sigmas[i], dimensions));
      for (int64_t c = i * dimensions; c < (i + 1) * dimensions; ++c) {
        x[c] = float(in * point[c]);
        target[c] = float((from[c] - skip * point[c]) / out);
      }
    }
  });
  return batch;
}

Batch make_denoising_batch(const at::Tensor& data, const DenoisingBatchSettings& settings,
                           at::Device device) {
  const Span span([] { return std::string("batch"); });
  const at::NoGradGuard no_grad;
  const Items items = batch_items(data, settings);
  const at::Tensor images = as_values(items.values.slice(0, 0, settings.perturbed)).to(at::kCPU);
  const int64_t count = settings.perturbed, dimensions = images.numel() / count;
  const at::Tensor y = images.reshape({count, dimensions}).to(at::kDouble);
  const std::vector<double> sigmas = draw_sigmas(settings, count);
  const KernelDraws draws = draw_noise(settings, count, dimensions);
  const at::Tensor points = perturb_by_kernel(y, sigmas, draws, settings.d, settings.published_draw);
  const at::Tensor learned = settings.posterior ? posterior(data, items, points, sigmas, settings) : y;
  const Batch batch = preconditioned(points, learned, sigmas, *settings.scales);
  return {batch.x.reshape(images.sizes()).to(device), batch.z.to(device), batch.target.to(device),
          batch.weight.to(device), items.labels};
}

}  // namespace pfgm
