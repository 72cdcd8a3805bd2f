#include "flow/scales.h"

#include <cmath>

#include "runtime/error.h"

namespace pfgm {
namespace {

using Maker = std::shared_ptr<const Scales> (*)(const Constants&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all = {
      {"edm", edm_scales}, {"ve", ve_scales}, {"vp", vp_scales}, {"subvp", subvp_scales}};
  return all;
}

}  // namespace

std::shared_ptr<const Scales> make_scales(const std::string& kind, const Constants& constants) {
  const auto found = makers().find(kind);
  if (found != makers().end()) return found->second(constants);
  std::string names;
  for (const auto& [name, maker] : makers()) names += (names.empty() ? "" : ", ") + name;
  throw Error("ERR_PFGM_ARGUMENT", "Expected scales to be one of " + names + " but received " + kind);
}

SdeAt Scales::sde(double) const {
  throw Error("ERR_PFGM_ARGUMENT", "Expected the flow of an SDE: ve, vp or subvp");
}

double number(const Constants& constants, const char* name) {
  const auto found = constants.find(name);
  if (found != constants.end() && std::isfinite(found->second)) return found->second;
  throw Error("ERR_PFGM_ARGUMENT", std::string("Expected ") + name + " to be a number");
}

double positive(const Constants& constants, const char* name) {
  const double value = number(constants, name);
  if (value > 0) return value;
  throw Error("ERR_PFGM_ARGUMENT", std::string("Expected ") + name + " to be above 0");
}

}  // namespace pfgm
