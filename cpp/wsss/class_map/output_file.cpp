#include "wsss/class_map/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "wsss/core/error.h"

namespace wsss {

void throw_io(const std::string& action, const std::string& path) {
  const std::string why = std::strerror(errno);
  throw Error(ErrorCode::kIo, "cannot " + action + " " + path + ": " + why, {{"path", path}, {"why", why}});
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "wb")) {
  if (file_ == nullptr) throw_io("create", path_);
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) std::fclose(file_);
}

void OutputFile::write(const void* bytes, std::size_t size) {
  if (std::fwrite(bytes, 1, size, file_) != size) fail();
  position_ += size;
}

void OutputFile::write_at(std::uint64_t place, const void* bytes, std::size_t size) {
  if (std::fseek(file_, static_cast<long>(place), SEEK_SET) != 0) fail();
  if (std::fwrite(bytes, 1, size, file_) != size) fail();
  if (std::fseek(file_, static_cast<long>(position_), SEEK_SET) != 0) fail();
}

void OutputFile::finish() {
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) fail();
  std::FILE* file = std::exchange(file_, nullptr);
  if (std::fclose(file) != 0) fail();
}

void OutputFile::fail() const { throw_io("write", path_); }

}  // namespace wsss
