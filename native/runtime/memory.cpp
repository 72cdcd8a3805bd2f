#include "runtime/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace pfgm {

double resident_bytes() {
  double resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    long pages = 0, size = 0;
    if (std::fscanf(file, "%ld %ld", &size, &pages) == 2)
      resident = double(pages) * double(::sysconf(_SC_PAGESIZE));
    std::fclose(file);
  }
  return resident;
}

double peak_resident_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
  return double(usage.ru_maxrss);
#else
  return double(usage.ru_maxrss) * 1024;
#endif
}

}  // namespace pfgm
