#pragma once

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <mutex>

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

/// Bytes of a GPU that tensors may still take, what LibTorch holds ready for them included.
std::int64_t free_device_bytes(const c10::Device& device);

/// One recording of a device's work, or one of the two functions below, at a time in the whole process: CUDA allows
/// neither to wait for a device nor to give its memory back while a stream of it is recorded.
std::unique_lock<std::mutex> recording_lock();
/// From now on no memory of GPUs is given back: LibTorch's allocator takes a recording that failed for one that goes
/// on.
void note_failed_recording();

/// Waits until a GPU has done all that was asked of it; on the CPU nothing.
void wait_for(const c10::Device& device);

/// Whether a failure of LibTorch is that memory ran out, on the host or on a device.
bool is_out_of_memory(const std::exception& error);

/// Gives what LibTorch and MemoryReuse hold ready for the next tensors back.
void release_idle_memory(const c10::Device& device);

}  // namespace wsss
