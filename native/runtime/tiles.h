// Work in tiles whose results do not depend on how many threads share them out.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "runtime/stop.h"

namespace pfgm {

// Runs body(i) for each tile 0 … tiles - 1 on one thread, several tiles at a time.
//
// Whatever a tile calls is told that it has one thread, on every thread alike. Libraries choose a kernel's
// form by the number of threads that they may use, also where a surrounding parallel loop leaves them one,
// and the forms round differently: without this, one thread gives other last bits than two, and a thread of
// the pool whose number libtorch has not set yet, as on the first call of a process, gives other bits than
// later on.
template <class Body>
void for_each_tile(int64_t tiles, const Body& body) {
  const int threads = at::get_num_threads();
  Stop& stop = Stop::current();
  at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
    struct OneThread {
      explicit OneThread(int before) : before(before) { at::set_num_threads(1); }
      ~OneThread() { at::set_num_threads(before); }
      int before;
    } one_thread(threads);
    const Stop::Scope scope(stop);
    for (int64_t i = first; i < last; ++i) {
      stop.check();
      body(i);
    }
  });
}

}  // namespace pfgm
