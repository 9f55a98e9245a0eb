// The memory of a device: peak use, free bytes, release of idle memory, and failures because it ran out.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <exception>

namespace wsss {

/// The most memory that tensors take while it lives, beyond what they held at its start: on a GPU all tensors of the
/// process, on the CPU the large ones of this thread, which must have a MemoryReuse.
class PeakMemory {
 public:
  explicit PeakMemory(const c10::Device& device);
  std::int64_t bytes() const;

 private:
  c10::Device device_;
  std::int64_t at_start_;
};

/// Bytes of a GPU that tensors of this thread's stream may still take, including what LibTorch holds ready for them.
std::int64_t free_device_bytes(const c10::Device& device);

/// Waits until a GPU has done all that was asked of it; on the CPU it does nothing.
void wait_for(const c10::Device& device);

/// Whether a failure of LibTorch means that memory ran out, on the host or on a device.
bool is_out_of_memory(const std::exception& error);

/// Gives back what LibTorch, MemoryReuse and the C library hold ready for the next tensors.
void release_idle_memory(const c10::Device& device);

}  // namespace wsss
