// A file that is written from its beginning to its end, with the operating system's refusals as errors.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace wsss {

class OutputFile {
 public:
  /// Replaces what is there.
  /// @throws Error kIo
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// @throws Error kIo, for a full disk for example.
  void write(const void* bytes, std::size_t size);
  /// Overwrites bytes that were written before.
  void write_at(std::uint64_t place, const void* bytes, std::size_t size);
  std::uint64_t position() const { return position_; }

  /// Puts all of it onto the disk and closes the file.
  /// @throws Error kIo
  void finish();

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::FILE* file_;
  std::uint64_t position_ = 0;
};

/// The error of a file that the operating system does not write or read, by errno.
[[noreturn]] void throw_io(const std::string& action, const std::string& path);

}  // namespace wsss
