// How long OpenMP's threads spin while they wait for each other: long on a quiet machine, where waking a
// sleeping thread costs more, and not at all beside other processes, which spinning keeps from the cores.
// What a thread computes is the same either way.
#pragma once

#include <chrono>

namespace pfgm {

// To be told of each job that used OpenMP's threads, and for how long. Now and then looks how long this
// process's threads waited for a core meanwhile, and has OpenMP's spin or sleep accordingly.
void adapt_spinning(std::chrono::nanoseconds job);

}  // namespace pfgm
