#include "wsss/device/own_stream.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include "wsss/device/device_memory.h"

namespace wsss {

OwnStream::OwnStream(const c10::Device& device) : device_(device) {
  if (!device.is_cuda()) return;
  wait_for(device);
  const c10::impl::VirtualGuardImpl streams(device.type());
  guard_.emplace(streams.getStreamFromGlobalPool(device));
}

OwnStream::~OwnStream() {
  if (!guard_) return;
  try {
    wait_for(device_);
  } catch (const c10::Error&) {
    // The device is broken; whoever asks it next is told.
  }
}

}  // namespace wsss
