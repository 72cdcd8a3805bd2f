#include "runtime/profile.h"

#include <mutex>
#include <new>
#include <utility>

namespace pfgm {
namespace {

// About 100 MB.
constexpr size_t kMostSpans = 1'000'000;

std::mutex mutex;
Profile profile;

int32_t this_thread() {
  static std::atomic<int32_t> threads{0};
  thread_local const int32_t number = threads++;
  return number;
}

}  // namespace

std::atomic<bool> recording_profile{false};

bool start_profile() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (recording_profile) return false;
  profile = {};
  recording_profile = true;
  return true;
}

Profile stop_profile() {
  const std::lock_guard<std::mutex> lock(mutex);
  recording_profile = false;
  return std::exchange(profile, {});
}

void Span::begin(std::string name) {
  name_ = std::move(name);
  begun_ = true;
  begin_ = std::chrono::steady_clock::now();
}

void Span::end() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard<std::mutex> lock(mutex);
  if (!recording_profile) return;
  if (profile.spans.size() < kMostSpans) try {
      profile.spans.push_back({std::move(name_), this_thread(), begin_, now});
      return;
    } catch (const std::bad_alloc&) {
    }
  ++profile.left_out;
}

}  // namespace pfgm
