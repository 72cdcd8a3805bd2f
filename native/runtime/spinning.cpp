#include "runtime/spinning.h"

#if defined(__linux__) && defined(_OPENMP)

#include <ATen/Parallel.h>
#include <dirent.h>
#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace pfgm {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

// How often the waiting is looked at, in time of jobs: reading it takes about 10 us a thread.
constexpr Nanoseconds kInterval = std::chrono::milliseconds(500);

// Threads that waited for a core, on average over the jobs. A process that is alone has 0.04 on two cores,
// one beside busy neighbours 0.6 and more, whether its threads spin or sleep (docs/notes/threads.md).
constexpr double kCrowded = 0.3;
constexpr double kQuiet = 0.15;

// How long each of the process's threads has been ready to run without a core.
std::map<std::string, Nanoseconds> waited_by_thread() {
  std::map<std::string, Nanoseconds> waited;
  DIR* threads = ::opendir("/proc/self/task");
  if (!threads) return waited;
  while (const dirent* entry = ::readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    const std::string id = entry->d_name;
    std::FILE* file = std::fopen(("/proc/self/task/" + id + "/schedstat").c_str(), "r");
    if (!file) continue;  // the thread has ended, or the kernel does not count
    unsigned long long ran = 0, waiting = 0;
    if (std::fscanf(file, "%llu %llu", &ran, &waiting) == 2) waited[id] = Nanoseconds(waiting);
    std::fclose(file);
  }
  ::closedir(threads);
  return waited;
}

// While one lives, libgomp's threads sleep as soon as they wait. libgomp reads its settings when it is
// loaded; what it looks at later is whether it has started more threads than there are cores, and then it
// spins as OMP_WAIT_POLICY says. So this holds a team of threads that sleep in a parallel region and make it
// so.
class Sleeping {
 public:
  explicit Sleeping(int threads) {
    host_ = std::thread([this, threads] {
      ::pthread_setname_np(::pthread_self(), "pfgm-parked");
#pragma omp parallel num_threads(threads)
      {
        std::unique_lock<std::mutex> lock(mutex_);
        awake_.wait(lock, [this] { return over_; });
      }
    });
  }

  // The team ends with the thread that made it, and libgomp no longer counts it.
  ~Sleeping() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    awake_.notify_all();
    host_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable awake_;
  bool over_ = false;
  std::thread host_;
};

// libgomp ends the process where it cannot start a thread, so whether these can be is tried first.
bool can_start(int threads) {
  std::vector<std::thread> started;
  bool possible = true;
  try {
    for (int i = 0; i < threads; ++i) started.emplace_back([] {});
  } catch (const std::system_error&) {
    possible = false;
  }
  for (std::thread& thread : started) thread.join();
  return possible;
}

class Spinning {
 public:
  void adapt(Nanoseconds job) {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_ += job;
    if (jobs_ < kInterval) return;
    auto waited = waited_by_thread();
    Nanoseconds waiting{0};
    for (const auto& [id, now] : waited) {
      const auto before = waited_.find(id);
      if (before != waited_.end()) waiting += now - before->second;
    }
    const double crowding = double(waiting.count()) / double(jobs_.count());
    if (!sleeping_ && crowding > kCrowded) start_sleeping();
    if (sleeping_ && crowding < kQuiet) sleeping_.reset();
    waited_ = std::move(waited);
    jobs_ = Nanoseconds(0);
  }

 private:
  // libgomp counts one thread, this one's team and the new team's but for the one that starts it.
  void start_sleeping() {
    const int threads = std::max(omp_get_num_procs() - at::get_num_threads(), 0) + 2;
    if (can_start(threads)) sleeping_.emplace(threads);
  }

  std::mutex mutex_;
  Nanoseconds jobs_{0};
  std::map<std::string, Nanoseconds> waited_ = waited_by_thread();
  std::optional<Sleeping> sleeping_;
};

}  // namespace

void adapt_spinning(Nanoseconds job) {
  static auto* spinning = new Spinning;  // never destroyed: its threads may sleep when the process ends
  spinning->adapt(job);
}

}  // namespace pfgm

#else

namespace pfgm {

void adapt_spinning(std::chrono::nanoseconds) {}  // macOS's and Windows' OpenMP runtimes sleep soon anyway

}  // namespace pfgm

#endif
