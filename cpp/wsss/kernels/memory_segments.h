// How many bytes of GPU memory are free, from the segments that LibTorch holds.
#pragma once

#include <cstdint>
#include <vector>

namespace wsss {

/// A piece of a GPU's memory that LibTorch holds.
struct MemorySegment {
  std::int64_t bytes = 0;
  std::int64_t used = 0;         ///< How many of these are used by tensors or by work that is not done yet.
  const void* stream = nullptr;  ///< What is free in it is for tensors of this stream.
  bool is_private = false;       ///< Whether it belongs to a recording, which alone may use it.
};

/// Bytes that the tensors of a stream may still take: what the device has free; what LibTorch holds ready for this
/// stream; and what it would give back first, segments that nothing uses. What recordings keep for themselves is none
/// of these.
inline std::int64_t free_bytes_of(std::int64_t free_on_device, const std::vector<MemorySegment>& segments,
                                  const void* stream) {
  std::int64_t bytes = free_on_device;
  for (const auto& segment : segments) {
    if (segment.is_private) continue;
    if (segment.stream == stream || segment.used == 0) bytes += segment.bytes - segment.used;
  }
  return bytes;
}

}  // namespace wsss
