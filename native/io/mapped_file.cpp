#include "io/mapped_file.h"

#include <ATen/ops/from_file.h>

#include <filesystem>

#include "runtime/error.h"

namespace pfgm {

at::Tensor map_values(const std::string& path, at::ScalarType type, const std::vector<int64_t>& shape,
                      int64_t offset, double bytes) {
  std::error_code failure;
  const std::uintmax_t there = std::filesystem::file_size(std::filesystem::u8path(path), failure);
  if (failure) throw Error("ERR_PFGM_IO", "could not open " + path + ": " + failure.message());
  if (double(there) < double(offset) + bytes)
    throw Error("ERR_PFGM_DATA", "Expected " + path + " to have " +
                                     std::to_string(int64_t(double(offset) + bytes)) + " bytes but it has " +
                                     std::to_string(there));
  // Not shared: read-only for everybody else, whatever is done with the tensor.
  const at::Tensor all = at::from_file(path, false, offset + int64_t(bytes), at::TensorOptions(at::kByte));
  return all.slice(0, offset).view(type).view(shape);
}

}  // namespace pfgm
