#include "wsss/dataset/shared_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <random>

#include "wsss/core/error.h"

namespace wsss {

namespace {

/// Behind the bytes: numbers of processes and files are used again, a drawn mark is not.
constexpr std::size_t kMarkBytes = 16;

void draw_mark(std::uint8_t* mark) {
  std::random_device device;
  for (std::size_t i = 0; i < kMarkBytes; ++i) mark[i] = static_cast<std::uint8_t>(device());
}

std::string hex_of(const std::uint8_t* mark) {
  std::string text;
  for (std::size_t i = 0; i < kMarkBytes; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(mark[i]));
    text += digits;
  }
  return text;
}

/// Whether the characters begin..end-1 are digits, and some.
bool is_number(const std::string& text, std::size_t begin, std::size_t end) {
  return begin < end &&
         std::all_of(
             text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end),
             [](char one) { return one >= '0' && one <= '9'; });
}

Error gone(const std::string& address) {
  return {ErrorCode::kIo, "the shared memory " + address + " is not kept any more", {{"gone", address}}};
}

}  // namespace

std::shared_ptr<SharedBytes> SharedBytes::mapped(int file, std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (data == MAP_FAILED) return nullptr;
  return std::shared_ptr<SharedBytes>(new SharedBytes(file, static_cast<std::uint8_t*>(data), size));
}

std::shared_ptr<SharedBytes> SharedBytes::create(std::size_t size) {
  const int file = ::memfd_create("wsss-tissue", MFD_CLOEXEC);
  if (file < 0) return nullptr;
  const std::size_t whole = size + kMarkBytes;
  auto bytes = ::ftruncate(file, static_cast<off_t>(whole)) == 0 ? mapped(file, whole) : nullptr;
  if (bytes == nullptr) {
    ::close(file);
    return nullptr;
  }
  draw_mark(bytes->data() + size);
  bytes->address_ = std::to_string(::getpid()) + "/" + std::to_string(file) + "/" + hex_of(bytes->data() + size);
  return bytes;
}

std::shared_ptr<SharedBytes> SharedBytes::attach(const std::string& address, std::size_t size) {
  const std::size_t first = address.find('/');
  const std::size_t second = first == std::string::npos ? first : address.find('/', first + 1);
  if (second == std::string::npos || !is_number(address, 0, first) || !is_number(address, first + 1, second))
    throw Error(ErrorCode::kIo, "\"" + address + "\" is no address of shared memory");
  const std::string path = "/proc/" + address.substr(0, first) + "/fd" + address.substr(first, second - first);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) {
    // What has that number now may be anything, a socket too.
    if (errno == ENOENT || errno == ESRCH || errno == ENXIO) throw gone(address);
    throw Error(ErrorCode::kIo, "the shared memory " + address + " can't be opened: " + std::strerror(errno));
  }
  struct stat facts{};
  const std::size_t whole = size + kMarkBytes;
  const bool is_that_large =
      ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size == static_cast<off_t>(whole);
  auto bytes = is_that_large ? mapped(file, whole) : nullptr;
  const std::string why = std::strerror(errno);
  ::close(file);
  if (!is_that_large) throw gone(address);
  if (bytes == nullptr)
    throw Error(ErrorCode::kOutOfMemory, "the shared memory " + address + " can't be mapped: " + why);
  bytes->file_ = -1;
  if (hex_of(bytes->data() + size) != address.substr(second + 1)) throw gone(address);
  return bytes;
}

SharedBytes::~SharedBytes() {
  ::munmap(data_, mapped_);
  if (file_ >= 0) ::close(file_);
}

}  // namespace wsss
