// Writing files so that a crash never leaves half of one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace wsss {

/// A file that appears whole or not at all: written to a temporary file in the same folder, flushed to the disk,
/// renamed over the target, and the folder flushed. Without commit() the temporary file is removed and an older target
/// stays as it was.
class AtomicFile {
 public:
  /// @throws Error kIo if the folder is missing or not writable.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// @throws Error kIo, for example when the disk is full.
  void write(const void* bytes, std::size_t size);
  void commit();

 private:
  void write_out(const char* bytes, std::size_t size);
  void flush();
  [[noreturn]] void fail(const char* action, int error_number) const;

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  std::vector<char> buffer_;  ///< Small writes on their way: weight files have hundreds of small tensors.
};

/// Removes temporary files that killed processes left in a folder which nobody else writes to now.
void remove_partial_files(const std::string& folder);

}  // namespace wsss
