// What the system said as the error of a file.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "runtime/error.h"

namespace pfgm {

// Throws ERR_PFGM_IO of the last system call's errno.
[[noreturn]] inline void fail(const std::string& what, const std::string& path) {
  throw Error("ERR_PFGM_IO", "Could not " + what + " " + path + ": " + std::strerror(errno));
}

}  // namespace pfgm
