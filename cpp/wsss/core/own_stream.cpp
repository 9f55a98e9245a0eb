#include "wsss/core/own_stream.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace wsss {

OwnStream::OwnStream(const c10::Device& device) : device_(device) {
  if (!device.is_cuda()) return;
  at::accelerator::synchronizeDevice(device.index());
  const c10::impl::VirtualGuardImpl streams(device.type());
  guard_.emplace(streams.getStreamFromGlobalPool(device));
}

OwnStream::~OwnStream() {
  if (!guard_) return;
  try {
    at::accelerator::synchronizeDevice(device_.index());
  } catch (const c10::Error&) {
    // The device is broken; whoever asks it next is told.
  }
}

}  // namespace wsss
