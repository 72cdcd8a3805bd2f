// Where the time goes: spans by name and thread, while they are recorded.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace pfgm {

struct RecordedSpan {
  std::string name;
  int32_t thread;  // counted in the order in which threads first record
  std::chrono::steady_clock::time_point begin, end;
};

struct Profile {
  std::vector<RecordedSpan> spans;
  int64_t left_out = 0;  // as there were too many
};

// False where recording is under way.
bool start_profile();
// What was recorded since the start; recording ends.
Profile stop_profile();

extern std::atomic<bool> recording_profile;

// From its construction to its end.
class Span {
 public:
  // name: makes the name, which is asked for only where it is recorded.
  template <class Name>
  explicit Span(const Name& name) {
    if (recording_profile.load(std::memory_order_relaxed)) begin(name());
  }
  ~Span() {
    if (begun_) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  void begin(std::string name);
  void end();

  bool begun_ = false;
  std::string name_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace pfgm
