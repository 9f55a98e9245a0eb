#include "wsss/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "wsss/core/error.h"

namespace wsss {

namespace {

Error unreadable(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kIo, "cannot read " + path + ": " + why, {{"path", path}});
}

/// What is wrong with a folder in place of a file. Some browsers unpack every archive that they download.
std::string what_folder(const std::string& path) {
  std::error_code ignored;
  const auto is_checkpoint = [&](const std::filesystem::path& folder) {
    return std::filesystem::exists(folder / "data.pkl", ignored);
  };
  bool unpacked = is_checkpoint(path);
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator entry(path, ignored); !unpacked && !ignored && entry != end;
       entry.increment(ignored)) {
    unpacked = is_checkpoint(entry->path());
  }
  if (!unpacked) return "it is a folder, not a plain file";
  return "it is a folder, not a plain file: an unpacked PyTorch checkpoint. Download it again without unpacking it, or "
         "pack the folder that holds data.pkl without compression (zip -0 -r FILE.pth FOLDER)";
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe would wait for its writer before it can be refused.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw unreadable(path, std::strerror(errno));
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    throw unreadable(path, S_ISDIR(status.st_mode) ? what_folder(path) : "it is not a plain file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  // An empty mapping is an error of mmap, an empty file is one of its reader.
  void* data = size == 0 ? nullptr : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int error_number = errno;
  ::close(descriptor);
  if (data == MAP_FAILED) throw unreadable(path, std::strerror(error_number));
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace wsss
