// What the rooms of binding/ share about networks and flows.
#pragma once

#include <functional>
#include <memory>

#include "binding/arguments.h"
#include "flow/scales.h"

namespace pfgm {

std::function<std::shared_ptr<Network>()> network_maker(const Argument& config, uint64_t seed,
                                                        at::Device device);
Napi::Value network_to_js(Napi::Env env, const std::shared_ptr<Network>& network);

// {kind, ...constants by name}
std::shared_ptr<const Scales> scales_of(const Argument& given);

}  // namespace pfgm
