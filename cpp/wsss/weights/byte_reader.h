// Bounds-checked reading of untrusted bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "wsss/core/error.h"

namespace wsss {

static_assert(std::endian::native == std::endian::little, "weight files are little endian, and read as they are");

/// A position in bytes that never leaves them. Everything that is read from a file of unknown origin goes through one.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  /// @throws Error kWeights if fewer bytes are left.
  std::span<const std::byte> take(std::uint64_t size) {
    if (size > remaining()) {
      throw Error(ErrorCode::kWeights, "it is cut off: " + std::to_string(size) + " bytes are needed at byte " +
                                           std::to_string(position_) + ", " + std::to_string(remaining()) +
                                           " are left");
    }
    const auto result = bytes_.subspan(position_, static_cast<std::size_t>(size));
    position_ += static_cast<std::size_t>(size);
    return result;
  }

  /// A little-endian number, of any alignment.
  template <typename Number>
  Number read() {
    Number value;
    std::memcpy(&value, take(sizeof(Number)).data(), sizeof(Number));
    return value;
  }

  std::string_view text(std::uint64_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// Text up to a line feed, which is left out.
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, remaining());
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) throw Error(ErrorCode::kWeights, "it is cut off inside a line");
    position_ += end + 1;
    return rest.substr(0, end);
  }

  /// Moves to an absolute position.
  void seek(std::uint64_t position) {
    if (position > bytes_.size()) {
      throw Error(ErrorCode::kWeights, "it points to byte " + std::to_string(position) + ", past its end");
    }
    position_ = static_cast<std::size_t>(position);
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace wsss
