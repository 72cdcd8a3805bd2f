#include "io/tensor_file.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "io/failure.h"
#include "io/xxh64.h"
#include "runtime/error.h"

namespace pfgm {
namespace {

at::ScalarType scalar_type(const std::string& dtype) {
  static const std::map<std::string, at::ScalarType> types = {
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16},
      {"U8", at::kByte},    {"I64", at::kLong},  {"I32", at::kInt}};
  const auto found = types.find(dtype);
  if (found == types.end())
    throw Error("ERR_PFGM_CHECKPOINT",
                "Expected a dtype of F64, F32, F16, BF16, U8, I64 or I32 but received " + dtype);
  return found->second;
}

class File {
 public:
  File(const std::string& path, int flags)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) fail("open", path);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(const void* data, size_t size) {
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(descriptor_, from, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write", path_);
      from += written;
      size -= size_t(written);
    }
  }
  void read_at(void* data, size_t size, int64_t offset) {
    char* to = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t got = ::pread(descriptor_, to, size, off_t(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read", path_);
      if (got == 0)
        throw Error("ERR_PFGM_CHECKPOINT", path_ + " ends before its header says it should: it is truncated");
      to += got;
      offset += got;
      size -= size_t(got);
    }
  }
  void close() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail("close", path_);
  }

 private:
  std::string path_;
  int descriptor_;
};

int64_t bytes_of(const TensorSlot& slot) {
  return slot.tensor.numel() * int64_t(at::elementSize(scalar_type(slot.dtype)));
}

}  // namespace

std::string write_tensor_file(const std::string& path, const std::string& header,
                              const std::vector<TensorSlot>& slots) {
  const at::NoGradGuard no_grad;
  int64_t position = 0;
  for (const TensorSlot& slot : slots) {
    if (slot.begin != position || slot.end != position + bytes_of(slot))
      throw Error("ERR_PFGM_ARGUMENT", "Expected tensors to follow one another without gaps");
    position = slot.end;
  }
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  const uint64_t length = header.size();
  unsigned char prefix[8];
  for (int i = 0; i < 8; ++i) prefix[i] = static_cast<unsigned char>(length >> (8 * i));
  file.write(prefix, sizeof prefix);
  Xxh64 checksum;
  checksum.update(header.data(), header.size());
  file.write(header.data(), header.size());
  for (const TensorSlot& slot : slots) {
    const at::Tensor bytes = slot.tensor.detach().to(at::kCPU, scalar_type(slot.dtype)).contiguous();
    checksum.update(bytes.const_data_ptr(), bytes.nbytes());
    file.write(bytes.const_data_ptr(), bytes.nbytes());
  }
  file.close();
  return checksum.hex();
}

void read_tensor_file(const std::string& path, int64_t data_offset, const std::vector<TensorSlot>& slots) {
  const at::NoGradGuard no_grad;
  File file(path, O_RDONLY);
  for (const TensorSlot& slot : slots) {
    const at::ScalarType type = scalar_type(slot.dtype);
    if (slot.begin < 0 || slot.end - slot.begin != bytes_of(slot))
      throw Error("ERR_PFGM_CHECKPOINT", "Expected " + std::to_string(bytes_of(slot)) +
                                             " bytes but the header of " + path + " gives " +
                                             std::to_string(slot.end - slot.begin));
    at::Tensor bytes = at::empty(slot.tensor.sizes(), type);
    file.read_at(bytes.mutable_data_ptr(), bytes.nbytes(), data_offset + slot.begin);
    slot.tensor.detach().copy_(bytes);
  }
}

std::string checksum_tensor_file(const std::string& path, const std::string& header, int64_t data_offset,
                                 int64_t length) {
  constexpr int64_t kPiece = 1 << 20;
  if (data_offset < 0 || length < 0)
    throw Error("ERR_PFGM_ARGUMENT", "Expected an offset and a length of at least 0");
  File file(path, O_RDONLY);
  Xxh64 checksum;
  checksum.update(header.data(), header.size());
  std::vector<char> piece(size_t(std::min(length, kPiece)));
  for (int64_t done = 0; done < length; done += kPiece) {
    const int64_t size = std::min(length - done, kPiece);
    file.read_at(piece.data(), size_t(size), data_offset + done);
    checksum.update(piece.data(), size_t(size));
  }
  return checksum.hex();
}

}  // namespace pfgm
