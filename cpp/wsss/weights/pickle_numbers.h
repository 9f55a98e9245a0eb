// Numbers as pickles encode them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wsss {

/// A Python integer of at most 8 bytes, two's complement, the lowest byte first.
inline std::int64_t little_endian_integer(std::string_view bytes) {
  const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0;
  std::uint64_t number = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    number &= ~(std::uint64_t{0xFF} << (8 * i));
    number |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return static_cast<std::int64_t>(number);
}

inline double big_endian_double(std::span<const std::byte> source) {
  std::array<std::byte, sizeof(double)> bytes;
  std::reverse_copy(source.begin(), source.end(), bytes.begin());
  return std::bit_cast<double>(bytes);
}

}  // namespace wsss
