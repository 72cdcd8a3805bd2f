#include "metrics/metrics.h"

#include <ATen/TensorOperators.h>

#include "binding/arguments.h"
#include "binding/items.h"
#include "metrics/energy.h"
#include "metrics/errors.h"
#include "metrics/picture.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

constexpr int64_t kMostDraws = 1000000;

// dataStatistics(data): resolves to {meanNorm, deviation, minimum, maximum, notFinite}.
Napi::Value statistics(const Call& call) {
  const at::Tensor data = rows_argument(call(0, "data"));
  return call.environment().submit(
      queue_name(data.device()), [data] { return data_statistics(data); },
      [](Napi::Env env, const DataStatistics& s) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("meanNorm", s.mean_norm);
        object.Set("deviation", s.deviation);
        object.Set("minimum", s.minimum);
        object.Set("maximum", s.maximum);
        object.Set("notFinite", double(s.not_finite));
        return object;
      });
}

// energyDistance(samples, data, pixels): resolves to the distance; `pixels` compares clipped pixels in [0,
// 1].
Napi::Value distance(const Call& call) {
  const at::Tensor samples = rows_argument(call(0, "samples")), data = rows_argument(call(1, "data"));
  const bool pixels = call(2, "pixels").boolean();
  return call.environment().submit(
      "cpu",
      [samples, data, pixels] {
        return energy_distance(comparable(samples, pixels), comparable(data, pixels));
      },
      [](Napi::Env env, double value) { return Napi::Number::New(env, value); });
}

// energyFloor(data, count, repeats, seed, pixels): resolves to the distances of `count` draws from the data
// itself, with replacement, once a repeat.
Napi::Value floor_distances(const Call& call) {
  const at::Tensor data = rows_argument(call(0, "data"));
  const int64_t count = call(1, "count").integer(), repeats = call(2, "repeats").integer();
  const uint64_t seed = call(3, "seed").seed();
  const bool pixels = call(4, "pixels").boolean();
  // The work is the square of the count, and holds the one thread of the CPU's kernels.
  if (count < 2 || count > kMostDraws || repeats < 1 || repeats > 1000)
    throw Error("ERR_PFGM_ARGUMENT", "Expected count from 2 to 1000000 and repeats from 1 to 1000");
  return call.environment().submit(
      "cpu",
      [=] {
        const at::Tensor values = comparable(data, pixels);
        const double own = mean_distance(values, values, false);
        std::vector<double> floors;
        for (int64_t i = 0; i < repeats; ++i) {
          const at::Tensor drawn =
              values.index_select(0, bootstrap_rows(seed, uint64_t(i), count, values.size(0)));
          floors.push_back(2 * mean_distance(drawn, values, false) - mean_distance(drawn, drawn, true) - own);
        }
        return floors;
      },
      numbers_to_js);
}

// pixelErrors(values, converged, clip, shares): resolves to {samples, quantiles}.
Napi::Value errors(const Call& call) {
  const at::Tensor values = rows_argument(call(0, "values")), converged = rows_argument(call(1, "converged"));
  const bool clip = call(2, "clip").boolean();
  const std::vector<double> shares = call(3, "shares").numbers();
  for (const double share : shares)
    if (!(share >= 0 && share <= 1)) call(3, "shares").expected("numbers from 0 to 1");
  return call.environment().submit(
      "cpu", [=] { return pixel_errors(values, converged, clip, shares); },
      [](Napi::Env env, const PixelErrors& found) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("samples", numbers_to_js(env, found.samples));
        object.Set("quantiles", numbers_to_js(env, found.quantiles));
        return object;
      });
}

// meanNorms(states, denoised, {terms, places, ofState, ofDenoised}): resolves to the mean over the samples of
// the root mean square of each sum, which has so many of the terms that follow.
Napi::Value norms(const Call& call) {
  const at::Tensor states = call(0, "states").tensor(), denoised = call(1, "denoised").tensor();
  const Argument given = call(2, "sums");
  const std::vector<int64_t> terms = given["terms"].int32s(), places = given["places"].int32s();
  const std::vector<double> of_state = given["ofState"].numbers(),
                            of_denoised = given["ofDenoised"].numbers();
  std::vector<PlaceTerms> sums;
  size_t begin = 0;
  for (const int64_t count : terms) {
    if (count < 0 || size_t(count) > places.size() - begin)
      given["terms"].expected("numbers of terms, as many in all as places");
    const size_t end = begin + size_t(count);
    if (end > of_state.size() || end > of_denoised.size()) given["places"].expected("as many as weights");
    sums.push_back({{places.begin() + begin, places.begin() + end},
                    {of_state.begin() + begin, of_state.begin() + end},
                    {of_denoised.begin() + begin, of_denoised.begin() + end}});
    begin = end;
  }
  return call.environment().submit(
      "cpu", [=] { return mean_norms(states, denoised, sums); }, numbers_to_js);
}

// A picture: {pixels: ArrayBuffer, width, height, channels}.
Napi::Value picture_to_js(Napi::Env env, const at::Tensor& pixels) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("pixels", buffer_to_js(env, pixels));
  object.Set("height", double(pixels.size(0)));
  object.Set("width", double(pixels.size(1)));
  object.Set("channels", double(pixels.size(2)));
  return object;
}

// imageGrid(images, columns, zoom, gap), on a thread of its own: a picture does not wait until a network is
// done.
Napi::Value grid(const Call& call) {
  const at::Tensor images = call(0, "images").tensor();
  if (images.numel() == 0) call(0, "images").expected("images of at least one pixel");
  const int64_t columns = call(1, "columns").integer(), zoom = call(2, "zoom").integer(),
                gap = call(3, "gap").integer();
  return call.environment().submit(
      images.is_cpu() ? "pictures" : queue_name(images.device()),
      [=] { return image_grid(images, columns, zoom, gap); }, picture_to_js);
}

// pointDensity(points, size, extent)
Napi::Value density(const Call& call) {
  const at::Tensor points = call(0, "points").tensor();
  const int64_t size = call(1, "size").integer();
  const double extent = call(2, "extent").number();
  return call.environment().submit(
      queue_name(points.device()), [=] { return point_density(points, size, extent).contiguous(); },
      picture_to_js);
}

// gridPoints(side, extent): resolves to the middles [side^2, 2] of a square's cells.
Napi::Value cells(const Call& call) {
  const int64_t side = call(0, "side").integer();
  const double extent = call(1, "extent").number();
  if (side < 1 || side > 4096) call(0, "side").expected("from 1 to 4096");
  return call.environment().submit(
      "cpu", [=] { return grid_points(side, extent); }, tensor_to_js);
}

// densityShades(density): resolves to an image [1, 1, height, width] of it.
Napi::Value shades(const Call& call) {
  const at::Tensor given = call(0, "density").tensor();
  if (given.dim() != 2 || given.scalar_type() != at::kDouble || given.numel() == 0)
    call(0, "density").expected("float64 of two axes");
  return call.environment().submit(
      queue_name(given.device()), [given] { return density_shades(given).contiguous(); }, tensor_to_js);
}

}  // namespace

const std::vector<Export>& metrics_exports() {
  static const std::vector<Export> table = {
      {"dataStatistics", 1, statistics}, {"energyDistance", 3, distance}, {"energyFloor", 5, floor_distances},
      {"pixelErrors", 4, errors},        {"gridPoints", 2, cells},        {"densityShades", 1, shades},
      {"meanNorms", 3, norms},           {"imageGrid", 4, grid},          {"pointDensity", 3, density}};
  return table;
}

}  // namespace pfgm
