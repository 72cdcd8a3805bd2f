// One thread and one queue of jobs a device, for the whole process. libtorch's own threads are started from
// that thread alone: two callers, each with a thread pool, would fight for the cores.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

namespace pfgm {

class DeviceQueue {
 public:
  // The queue of a device named "cpu", "cuda:0", …; made at first use and never destroyed, because its thread
  // may still be inside libtorch when the process ends.
  static DeviceQueue& of(const std::string& device);

  // Runs `job` after everything posted before it. `job` must not throw.
  void post(std::function<void()> job);

 private:
  DeviceQueue();
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
};

// Whether any device's thread is in the middle of a job.
bool any_device_busy();

// Makes process exit safe while a device's thread is inside libtorch, for what libtorch has set up so far:
// called whenever the process may be about to exit.
void guard_process_exit();

}  // namespace pfgm
