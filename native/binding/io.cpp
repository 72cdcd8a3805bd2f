#include <map>

#include "binding/arguments.h"
#include "io/file_lock.h"
#include "io/tensor_file.h"
#include "io/xxh64.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The tensors by which an object is stored.
NamedTensors state_of(const Argument& owner) {
  const Object& object = Environment::of(owner.value().Env()).get(owner.id());
  if (const auto* trainer = std::get_if<std::shared_ptr<Trainer>>(&object)) return (*trainer)->state();
  if (const auto* network = std::get_if<std::shared_ptr<Network>>(&object)) {
    NamedTensors state;
    for (const Parameter& parameter : (*network)->parameters())
      state.emplace_back(parameter.name, parameter.value);
    return state;
  }
  if (const auto* tensor = std::get_if<at::Tensor>(&object)) return {{"values", *tensor}};
  if (const auto* features = std::get_if<std::shared_ptr<FeatureNetwork>>(&object)) {
    NamedTensors state = (*features)->state();
    if (state.empty()) owner.expected("a network of features other than a TorchScript file");
    return state;
  }
  owner.expected("a network, a trainer, a tensor or a network of features");
}

// describeState(owner): [{name, shape}] of everything a checkpoint of it holds.
Napi::Value describe(const Call& call) {
  const NamedTensors state = state_of(call(0, "owner"));
  Napi::Array list = Napi::Array::New(call.env(), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    Napi::Object entry = Napi::Object::New(call.env());
    Napi::Array shape = Napi::Array::New(call.env(), size_t(state[i].second.dim()));
    for (int64_t d = 0; d < state[i].second.dim(); ++d)
      shape.Set(uint32_t(d), double(state[i].second.size(d)));
    entry.Set("name", state[i].first);
    entry.Set("shape", shape);
    list.Set(uint32_t(i), entry);
  }
  return list;
}

// slots: [{name, dtype, begin, end}], names of describeState(owner).
std::vector<TensorSlot> slots_of(const NamedTensors& state, const Argument& given) {
  std::map<std::string, at::Tensor> by_name(state.begin(), state.end());
  std::vector<TensorSlot> slots;
  for (const Argument& slot : given.items()) {
    const std::string name = slot["name"].string();
    const auto found = by_name.find(name);
    if (found == by_name.end()) throw Error("ERR_PFGM_CHECKPOINT", "Expected no tensor named " + name);
    slots.push_back({found->second, slot["dtype"].string(), slot["begin"].integer(), slot["end"].integer()});
  }
  return slots;
}

std::string device_of(const NamedTensors& state) {
  return state.empty() ? "cpu" : queue_name(state.front().second.device());
}

Napi::Value text_to_js(Napi::Env env, const std::string& text) {
  return Napi::String::New(env, text);
}

// writeState(owner, path, header, slots): resolves to the checksum of what was written.
Napi::Value write(const Call& call) {
  const NamedTensors state = state_of(call(0, "owner"));
  const std::string path = call(1, "path").path(), header = call(2, "header").string();
  const std::vector<TensorSlot> slots = slots_of(state, call(3, "slots"));
  // Not on the device's thread: what is stored can be saved while a step computes that is never taken.
  return call.environment().submit(
      "files", [=] { return write_tensor_file(path, header, slots); }, text_to_js);
}

void weights_changed(const Object& owner) {
  if (const auto* trainer = std::get_if<std::shared_ptr<Trainer>>(&owner)) (*trainer)->weights_changed();
  if (const auto* network = std::get_if<std::shared_ptr<Network>>(&owner)) (*network)->weights_changed();
}

// readState(owner, path, dataOffset, slots)
Napi::Value read(const Call& call) {
  const NamedTensors state = state_of(call(0, "owner"));
  const Object owner = call.environment().get(call(0, "owner").id());
  const std::string path = call(1, "path").path();
  const int64_t offset = call(2, "dataOffset").integer();
  const std::vector<TensorSlot> slots = slots_of(state, call(3, "slots"));
  return call.environment().submit(
      device_of(state),
      [=] {
        weights_changed(owner);  // before, as a file that ends early has changed some of them
        read_tensor_file(path, offset, slots);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

// checksumFile(path, header, dataOffset, length): as writeState gave it, of a header that says what it said
// then.
Napi::Value checksum(const Call& call) {
  const std::string path = call(0, "path").path(), header = call(1, "header").string();
  const int64_t offset = call(2, "dataOffset").integer(), length = call(3, "length").integer();
  return call.environment().submit(
      "cpu", [=] { return checksum_tensor_file(path, header, offset, length); }, text_to_js);
}

// hashTensor(tensor, rows): resolves to a hash of the bytes of the first rows.
Napi::Value hash(const Call& call) {
  const at::Tensor tensor = call(0, "tensor").tensor();
  const int64_t rows = call(1, "rows").integer();
  if (tensor.dim() < 1 || rows < 0 || rows > tensor.size(0)) call(1, "rows").expected("rows of the tensor");
  return call.environment().submit(
      queue_name(tensor.device()),
      [tensor, rows] {
        const at::Tensor bytes = tensor.narrow(0, 0, rows).to(at::kCPU).contiguous();
        Xxh64 hash;
        hash.update(bytes.const_data_ptr(), bytes.nbytes());
        return hash.hex();
      },
      text_to_js);
}

// lockFile(path, holder): a lock's handle, 'busy' where another has it, or 'unsupported' where files have no
// locks.
Napi::Value lock(const Call& call) {
  const FileLock::Attempt attempt = FileLock::try_lock(call(0, "path").path(), call(1, "holder").string());
  if (attempt.lock) return Napi::Number::New(call.env(), call.environment().add(attempt.lock));
  return text_to_js(call.env(), attempt.outcome == FileLock::Outcome::busy ? "busy" : "unsupported");
}

}  // namespace

const std::vector<Export>& io_exports() {
  static const std::vector<Export> table = {{"describeState", 1, describe}, {"writeState", 4, write},
                                            {"readState", 4, read},         {"checksumFile", 4, checksum},
                                            {"hashTensor", 2, hash},        {"lockFile", 2, lock}};
  return table;
}

}  // namespace pfgm
