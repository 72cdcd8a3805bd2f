// The process's memory, as the operating system counts it.
#pragma once

namespace pfgm {

double resident_bytes();
double peak_resident_bytes();

}  // namespace pfgm
