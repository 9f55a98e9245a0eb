#include "wsss/weights/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include "wsss/core/error.h"

namespace wsss {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::string_view kPartial = ".partial-";

std::string folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A name beside the target that no process has used: in a container every process may have the same number, and a
/// killed one leaves its file. It has nothing of the target's name, which may be as long as the file system takes.
std::string temporary_name(const std::string& path) {
  static std::atomic<std::uint64_t> counter{std::random_device{}()};
  const std::string name = std::string(kPartial) + std::to_string(getpid()) + "-" + std::to_string(counter++);
  return folder_of(path) + "/" + name;
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
  do {
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (descriptor_ < 0 && errno == EEXIST && !(temporary_ = temporary_name(path_)).empty());
  if (descriptor_ < 0) fail("create", errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, std::size_t size) {
  const auto* begin = static_cast<const char*>(bytes);
  if (buffer_.size() + size <= kBufferBytes) {
    buffer_.insert(buffer_.end(), begin, begin + size);
    return;
  }
  flush();
  write_out(begin, size);
}

void AtomicFile::flush() {
  write_out(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_out(const char* next, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, next, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write", errno);
    }
    next += written;
    size -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  flush();
  if (fsync(descriptor_) != 0) fail("flush", errno);
  const int descriptor = std::exchange(descriptor_, -1);
  if (close(descriptor) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error_number = errno;
    unlink(temporary_.c_str());
    fail("replace", error_number);
  }
  const int folder = open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;  // The file is in place; only its survival of a power cut is less certain.
  fsync(folder);
  close(folder);
}

void AtomicFile::fail(const char* action, int error_number) const {
  std::string hint;
  if (error_number == ENOENT) hint = "; create the folder " + folder_of(path_) + " first";
  if (error_number == ENAMETOOLONG) hint = "; choose a shorter name";
  if (error_number == EACCES || error_number == EROFS) hint = "; choose a folder that can be written";
  if (error_number == ENOSPC || error_number == EDQUOT)
    hint = "; free some space and try again, an older file is untouched";
  throw Error(ErrorCode::kIo, std::string("cannot ") + action + " " + path_ + ": " + std::strerror(error_number) + hint,
              {{"path", path_}, {"errno", static_cast<double>(error_number)}});
}

void remove_partial_files(const std::string& folder) {
  std::error_code error;  // What cannot be listed or removed stays: it is in nobody's way.
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    const std::filesystem::path path = entry->path();
    entry.increment(error);
    std::error_code ignored;
    if (path.filename().string().find(kPartial) != std::string::npos) std::filesystem::remove(path, ignored);
  }
}

}  // namespace wsss
