#include "wsss/class_map/band_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "wsss/class_map/deflate.h"
#include "wsss/class_map/output_file.h"
#include "wsss/core/error.h"

namespace wsss {

namespace {

/// Before each band.
struct BandHeader {
  std::uint64_t size;  ///< Bytes of the zlib stream that follows.
  std::uint32_t checksum;
  std::uint32_t band;
};

std::string head_of(const BandLayout& layout) {
  return "wsss bands 1\n" + std::to_string(layout.width) + " " + std::to_string(layout.height) + " " +
         std::to_string(layout.band_rows) + " " + std::to_string(layout.planes) + "\n" + layout.fingerprint + "\n";
}

bool read_whole(int file, void* target, std::size_t size) {
  auto* to = static_cast<char*>(target);
  while (size > 0) {
    const ssize_t got = ::read(file, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void write_whole(int file, const std::string& path, const void* source, std::size_t size) {
  const auto* from = static_cast<const char*>(source);
  while (size > 0) {
    const ssize_t put = ::write(file, from, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_io("write", path);
    from += put;
    size -= static_cast<std::size_t>(put);
  }
}

}  // namespace

BandReader::BandReader(std::string path, BandLayout layout)
    : layout_(std::move(layout)), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) throw_io("read", path);
  const std::string wanted = head_of(layout_);
  std::string found(wanted.size(), '\0');
  if (!read_whole(file_, found.data(), found.size()) || found != wanted) {
    ::close(file_);
    throw Error(ErrorCode::kIo, path + " holds rows of another map", {{"path", path}});
  }
  end_ = static_cast<std::int64_t>(wanted.size());
}

BandReader::~BandReader() { ::close(file_); }

bool BandReader::next(std::vector<std::uint8_t>& bytes) {
  if (band_ >= layout_.band_count()) return false;
  BandHeader header{};
  if (!read_whole(file_, &header, sizeof header) || header.band != band_) return false;
  // A stream is hardly longer than what it holds.
  if (header.size > layout_.bytes_of(band_) + layout_.bytes_of(band_) / 100 + 1024) return false;
  std::vector<std::uint8_t> stream(header.size);
  if (!read_whole(file_, stream.data(), stream.size()) || checksum(stream) != header.checksum) return false;
  bytes.resize(layout_.bytes_of(band_));
  if (!inflate_into(stream, bytes)) return false;
  ++band_;
  end_ += static_cast<std::int64_t>(sizeof header + stream.size());
  return true;
}

BandWriter::BandWriter(std::string path, BandLayout layout) : path_(std::move(path)), layout_(std::move(layout)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) throw_io("create", path_);
  try {
    // Held by the process, whatever ends it. Not every file system has locks; without one nobody is kept out.
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      throw Error(ErrorCode::kBusy,
                  path_ + " is being written by another process: wait for it, or choose another folder",
                  {{"path", path_}});
    }
    const std::int64_t end = end_of_whole();
    if (::ftruncate(file_, end) != 0 || ::lseek(file_, end, SEEK_SET) < 0) throw_io("write", path_);
    const std::string head = head_of(layout_);
    if (end == 0) write_whole(file_, path_, head.data(), head.size());
  } catch (...) {
    ::close(file_);
    throw;
  }
}

/// Counts the whole bands. Returns where they end; 0 if the file is of another map.
std::int64_t BandWriter::end_of_whole() {
  try {
    BandReader reader(path_, layout_);
    std::vector<std::uint8_t> bytes;
    while (reader.next(bytes)) ++count_;
    return reader.end_of_whole();
  } catch (const Error& error) {
    if (error.details().count("why") != 0) throw;  // It can't be read at all.
    return 0;
  }
}

BandWriter::~BandWriter() { ::close(file_); }

void BandWriter::append(const std::vector<std::uint8_t>& bytes) {
  const std::vector<std::uint8_t> stream = deflated(bytes.data(), bytes.size(), Packing::kFast);
  const BandHeader header{stream.size(), checksum(stream), static_cast<std::uint32_t>(count_)};
  write_whole(file_, path_, &header, sizeof header);
  write_whole(file_, path_, stream.data(), stream.size());
  if (::fdatasync(file_) != 0) throw_io("write", path_);
  ++count_;
}

}  // namespace wsss
