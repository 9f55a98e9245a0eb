#include "wsss/class_map/deflate.h"

#include "wsss/class_map/zlib_functions.h"
#include "wsss/core/error.h"

namespace wsss {

std::vector<std::uint8_t> deflated(const std::uint8_t* bytes, std::size_t size, Packing packing) {
  // Class maps are runs: the levels above compress hardly better and take much longer.
  const int level = packing == Packing::kFast ? 1 : 4;
  std::vector<std::uint8_t> stream(compressBound(size));
  unsigned long written = stream.size();
  if (compress2(stream.data(), &written, bytes, size, level) != 0) {
    throw Error(ErrorCode::kOutOfMemory, "memory ran out while a class map was packed");
  }
  stream.resize(written);
  return stream;
}

bool inflate_into(const std::vector<std::uint8_t>& stream, std::vector<std::uint8_t>& bytes) {
  unsigned long size = bytes.size();
  return uncompress(bytes.data(), &size, stream.data(), stream.size()) == 0 && size == bytes.size();
}

std::uint32_t checksum(const std::vector<std::uint8_t>& bytes) {
  return static_cast<std::uint32_t>(crc32(0, bytes.data(), static_cast<unsigned int>(bytes.size())));
}

}  // namespace wsss
