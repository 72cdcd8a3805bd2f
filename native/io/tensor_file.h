// Tensor bytes to and from a safetensors file. The header's text is made and read in src/checkpoint/; here
// bytes move.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace pfgm {

struct TensorSlot {
  at::Tensor tensor;
  std::string dtype;  // "F32", "F16", "F64", "U8", …: as in the file
  int64_t begin = 0;  // from the start of the data, in bytes
  int64_t end = 0;
};

// Writes length, header and tensors, whose slots must follow one another without gaps. The caller gives a
// temporary name, which it renames once the file is whole. Gives the checksum of header and tensors.
std::string write_tensor_file(const std::string& path, const std::string& header,
                              const std::vector<TensorSlot>& slots);

// Copies the bytes at data_offset + [begin, end) into each tensor, converting to its dtype.
void read_tensor_file(const std::string& path, int64_t data_offset, const std::vector<TensorSlot>& slots);

// The checksum of a header as it was when the file was written, and of the `length` bytes at data_offset.
std::string checksum_tensor_file(const std::string& path, const std::string& header, int64_t data_offset,
                                 int64_t length);

}  // namespace pfgm
