// A claim on something, that the system lets go of by itself however its holder ends.
#pragma once

#include <memory>
#include <string>

namespace pfgm {

// A file that is locked until this object is gone, with which the file goes too.
class FileLock {
 public:
  enum class Outcome { taken, busy, unsupported };  // unsupported: files cannot be locked there
  struct Attempt {
    Outcome outcome;
    std::shared_ptr<FileLock> lock;
  };

  // Tries at once. The file says who has it: `holder` is for people, and nothing is decided by it.
  static Attempt try_lock(const std::string& path, const std::string& holder);

  FileLock(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  Outcome take();
  bool is_at_path() const;
  void write(const std::string& text);

  std::string path_;
  int descriptor_;
  bool held_ = false;
};

}  // namespace pfgm
