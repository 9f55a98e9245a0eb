// Bytes packed and unpacked as zlib streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wsss {

/// kFast for what is read once and thrown away.
enum class Packing { kFast, kSmall };

/// @throws Error kOutOfMemory if there is no room.
std::vector<std::uint8_t> deflated(const std::uint8_t* bytes, std::size_t size, Packing packing);

/// Whether the stream was whole and of that size.
bool inflate_into(const std::vector<std::uint8_t>& stream, std::vector<std::uint8_t>& bytes);

std::uint32_t checksum(const std::vector<std::uint8_t>& bytes);

}  // namespace wsss
