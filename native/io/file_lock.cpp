#include "io/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/failure.h"

namespace pfgm {

FileLock::Attempt FileLock::try_lock(const std::string& path, const std::string& holder) {
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) fail("open", path);
    auto lock = std::make_shared<FileLock>(path, descriptor);
    const Outcome outcome = lock->take();
    if (outcome != Outcome::taken) return {outcome, nullptr};
    // One whose holder ended in between is gone from the folder, and another may be locked under its name.
    if (!lock->is_at_path()) continue;
    lock->held_ = true;
    lock->write(holder);
    return {outcome, lock};
  }
}

FileLock::~FileLock() {
  if (held_ && is_at_path()) ::unlink(path_.c_str());
  ::close(descriptor_);
}

FileLock::Outcome FileLock::take() {
  // A lock of the open file, not of the process: it keeps out this process's other threads, too.
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return Outcome::busy;
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOTSUP || errno == ENOSYS || errno == EINVAL)
      return Outcome::unsupported;
    fail("lock", path_);
  }
  return Outcome::taken;
}

bool FileLock::is_at_path() const {
  struct stat here, there;
  return ::fstat(descriptor_, &here) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

void FileLock::write(const std::string& text) {
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, text.data(), text.size(), 0) != ssize_t(text.size()))
    fail("write", path_);
}

}  // namespace pfgm
