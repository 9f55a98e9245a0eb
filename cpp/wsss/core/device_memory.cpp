#include "wsss/core/device_memory.h"

#include <ATen/DeviceAccelerator.h>
#include <oneapi/dnnl/dnnl_common.hpp>

#include <atomic>
#include <new>
#include <string>

#include "wsss/core/memory_reuse.h"

namespace wsss {

namespace {

/// Bytes in tensors of a GPU, and those that LibTorch holds.
struct Held {
  std::int64_t allocated, peak, reserved;
};

Held held_by(const c10::Device& device) {
  constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = at::accelerator::getDeviceStats(device.index());
  return {stats.allocated_bytes[kAll].current, stats.allocated_bytes[kAll].peak, stats.reserved_bytes[kAll].current};
}

// Of the process. NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::mutex recordings;
std::atomic<bool> a_recording_failed{false};
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

std::unique_lock<std::mutex> recording_lock() { return std::unique_lock(recordings); }

void note_failed_recording() { a_recording_failed = true; }

void wait_for(const c10::Device& device) {
  if (!device.is_cuda()) return;
  const auto lock = recording_lock();
  at::accelerator::synchronizeDevice(device.index());
}

PeakMemory::PeakMemory(const c10::Device& device) : device_(device), at_start_(0) {
  if (device.is_cpu()) {
    MemoryReuse::of_thread()->begin_peak();
    at_start_ = MemoryReuse::of_thread()->in_use();
  } else {
    at::accelerator::resetPeakStats(device.index());
    at_start_ = held_by(device).allocated;
  }
}

std::int64_t PeakMemory::bytes() const {
  return (device_.is_cpu() ? MemoryReuse::of_thread()->peak() : held_by(device_).peak) - at_start_;
}

std::int64_t free_device_bytes(const c10::Device& device) {
  const Held held = held_by(device);
  return static_cast<std::int64_t>(at::accelerator::getMemoryInfo(device.index()).first) + held.reserved -
         held.allocated;
}

bool is_out_of_memory(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) return true;
  // oneDNN says no more than that it could not create something; why, its status tells.
  if (const auto* error = dynamic_cast<const dnnl::error*>(&exception)) return error->status == dnnl_out_of_memory;
  const auto* error = dynamic_cast<const c10::Error*>(&exception);
  if (error == nullptr) return false;
  const std::string what = error->what_without_backtrace();
  for (const char* words : {"out of memory", "can't allocate memory", "not enough memory"}) {
    if (what.find(words) != std::string::npos) return true;
  }
  return false;
}

void release_idle_memory(const c10::Device& device) {
  if (MemoryReuse* reuse = MemoryReuse::of_thread()) reuse->release();
  if (!device.is_cuda() || a_recording_failed) return;
  const auto lock = recording_lock();
  at::accelerator::emptyCache();
}

}  // namespace wsss
