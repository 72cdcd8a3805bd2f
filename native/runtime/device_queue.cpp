#include "runtime/device_queue.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>

#include "runtime/spinning.h"

namespace pfgm {
namespace {

std::atomic<int> busy_devices{0};
std::atomic<bool> exiting{false};

}  // namespace

DeviceQueue& DeviceQueue::of(const std::string& device) {
  static auto* mutex = new std::mutex;
  static auto* queues = new std::map<std::string, DeviceQueue*>;
  std::lock_guard<std::mutex> lock(*mutex);
  DeviceQueue*& queue = (*queues)[device];
  if (!queue) queue = new DeviceQueue;
  return *queue;
}

DeviceQueue::DeviceQueue() {
  std::thread([this] { run(); }).detach();
}

void DeviceQueue::post(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void DeviceQueue::run() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      job = std::move(jobs_.front());
      jobs_.pop_front();
      ++busy_devices;
    }
    const auto began = std::chrono::steady_clock::now();
    if (!exiting) job();
    job = nullptr;  // what the job owned is freed before the device counts as idle
    adapt_spinning(std::chrono::steady_clock::now() - began);
    --busy_devices;
  }
}

bool any_device_busy() {
  return busy_devices > 0;
}

// exit() destroys libtorch's globals while the device's thread may still use them. Handlers run in the
// reverse order of their registration, and libtorch registers destructors whenever it first uses something
// (oneDNN's cache of kernels, for one): only a handler registered at the end runs before all of them.
#if defined(__GLIBC__)
void guard_process_exit() {
  on_exit(
      [](int status, void*) {
        exiting = true;
        if (!any_device_busy()) return;
        std::fflush(nullptr);
        _exit(status);
      },
      nullptr);
}
#else
void guard_process_exit() {
  std::atexit([] {
    exiting = true;
    while (any_device_busy()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
}
#endif

}  // namespace pfgm
