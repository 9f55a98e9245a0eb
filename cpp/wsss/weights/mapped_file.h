// Read-only memory mapping of a file.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace wsss {

/// A whole file in memory, read only, paged in by the system as it is looked at. Lives as long as anyone holds it. If
/// another program truncates the file in place meanwhile, this process ends (SIGBUS); if the file is replaced by
/// renaming, nothing happens.
class MappedFile {
 public:
  /// @throws Error  kIo if the file cannot be opened or is not a plain file.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_;
  std::size_t size_;
};

}  // namespace wsss
