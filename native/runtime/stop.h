// A request to give up a job: long work looks at it now and then.
#pragma once

#include <atomic>

namespace pfgm {

class Stop {
 public:
  // Of the job that this thread works on; one that is never raised where it works on none.
  static Stop& current();

  // Makes a stop this thread's current one.
  class Scope {
   public:
    explicit Scope(Stop& stop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Stop* before_;
  };

  // Asks the job to stop. False where it has passed commit(): it is about to end as if nobody had asked.
  bool raise();

  // Throws ERR_PFGM_STOPPED where the job was asked to stop.
  void check() const;

  // The same, and from here on nobody can ask: for right before a job changes what outlives it.
  void commit();

 private:
  enum class State { kOpen, kRaised, kCommitted };
  std::atomic<State> state_{State::kOpen};
};

}  // namespace pfgm
