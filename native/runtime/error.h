// A failure with one of the codes of src/errors.ts; everything else that is thrown gets its code in binding/.
#pragma once

#include <stdexcept>
#include <string>

namespace pfgm {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace pfgm
