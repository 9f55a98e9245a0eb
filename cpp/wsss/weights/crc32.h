// The checksum of zip archives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace wsss {

/// CRC-32 of zip archives (polynomial 0xEDB88320, reflected), eight bytes at a time.
std::uint32_t crc32(std::span<const std::byte> bytes);

}  // namespace wsss
