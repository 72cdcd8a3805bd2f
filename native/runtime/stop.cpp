#include "runtime/stop.h"

#include "runtime/error.h"

namespace pfgm {
namespace {

thread_local Stop* current_stop = nullptr;

[[noreturn]] void give_up() {
  throw Error("ERR_PFGM_STOPPED", "The call was given up, as asked");
}

}  // namespace

Stop& Stop::current() {
  if (current_stop) return *current_stop;
  static Stop never;
  return never;
}

Stop::Scope::Scope(Stop& stop) : before_(current_stop) {
  current_stop = &stop;
}

Stop::Scope::~Scope() {
  current_stop = before_;
}

bool Stop::raise() {
  State open = State::kOpen;
  return state_.compare_exchange_strong(open, State::kRaised) || open == State::kRaised;
}

void Stop::check() const {
  if (state_.load(std::memory_order_relaxed) == State::kRaised) give_up();
}

void Stop::commit() {
  State open = State::kOpen;
  if (!state_.compare_exchange_strong(open, State::kCommitted) && open == State::kRaised) give_up();
}

}  // namespace pfgm
