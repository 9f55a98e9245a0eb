#include "wsss/weights/crc32.h"

#include <array>
#include <cstring>

namespace wsss {

namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;
constexpr std::size_t kSlices = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

/// tables[k][b]: what byte b does to the checksum k bytes later.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? kPolynomial ^ (value >> 1U) : value >> 1U;
    tables[0][byte] = value;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = tables[0][before & 0xFFU] ^ (before >> 8U);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t checksum = 0xFFFFFFFF;
  while (bytes.size() >= kSlices) {
    std::uint64_t block = 0;
    std::memcpy(&block, bytes.data(), kSlices);
    block ^= checksum;
    checksum = 0;
    for (std::size_t i = 0; i < kSlices; ++i) checksum ^= kTables[kSlices - 1 - i][(block >> (8 * i)) & 0xFFU];
    bytes = bytes.subspan(kSlices);
  }
  for (const std::byte byte : bytes) {
    checksum = kTables[0][(checksum ^ static_cast<std::uint32_t>(byte)) & 0xFFU] ^ (checksum >> 8U);
  }
  return checksum ^ 0xFFFFFFFF;
}

}  // namespace wsss
