#include "wsss/device/device_memory.h"

#include <ATen/DeviceAccelerator.h>
#include <malloc.h>
#include <oneapi/dnnl/dnnl_common.hpp>

#include <new>
#include <string>
#include <vector>

#include "wsss/core/memory_reuse.h"
#include "wsss/device/device_use.h"
#include "wsss/kernels/cuda_plugin.h"
#include "wsss/kernels/memory_segments.h"

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

}  // namespace

void wait_for(const c10::Device& device) {
  if (!device.is_cuda()) return;
  const DeviceUse use(device);
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
  const auto free = static_cast<std::int64_t>(at::accelerator::getMemoryInfo(device.index()).first);
  if (const CudaPlugin* plugin = cuda_plugin()) {
    std::vector<MemorySegment> segments;
    plugin->list_segments(device.index(), segments);
    return free_bytes_of(free, segments, current_cuda_stream(device));
  }
  const Held held = held_by(device);
  return free + held.reserved - held.allocated;
}

bool is_out_of_memory(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) return true;
  // oneDNN says no more than that it could not create something; why, its status tells.
  if (const auto* error = dynamic_cast<const dnnl::error*>(&exception)) return error->status == dnnl_out_of_memory;
  const auto* error = dynamic_cast<const c10::Error*>(&exception);
  if (error == nullptr) return false;
  const std::string what = error->what_without_backtrace();
  // The last is cuDNN's when no way of a convolution has room for what it needs beside the maps.
  for (const char* words : {"out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED",
                            "CUDNN_STATUS_ALLOC_FAILED", "unable to find an engine"}) {
    if (what.find(words) != std::string::npos) return true;
  }
  return false;
}

void release_idle_memory(const c10::Device& device) {
  if (MemoryReuse* reuse = MemoryReuse::of_thread()) reuse->release();
  if (device.is_cpu()) malloc_trim(0);
  if (!device.is_cuda()) return;
  const DeviceUse use(device);
  at::accelerator::emptyCache();
}

}  // namespace wsss
