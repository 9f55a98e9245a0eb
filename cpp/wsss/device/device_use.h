// How threads share CUDA devices: they compute together, record alone, and agree on TF32.
#pragma once

#include <c10/core/Device.h>

namespace wsss {

/// While it lives, says whether this thread's float32 convolutions on a CUDA device may multiply in TF32, which keeps
/// ten bits of the mantissa; without one they may. LibTorch has one setting for the whole process, which a DeviceUse
/// sets.
class Tf32Scope {
 public:
  explicit Tf32Scope(bool allowed);
  ~Tf32Scope();
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;

 private:
  bool previous_;
};

/// While it lives, this thread may do anything with a device, beside others, and nobody records. On the CPU it does
/// nothing. Scopes of one thread may be nested, also in a SoleDeviceUse.
///
/// While a stream of a CUDA device is recorded, nobody in the process may wait for the device, give memory back to it,
/// or try out which algorithm of a convolution is the fastest: CUDA refuses, and the recording breaks. So threads use
/// devices together, and record alone. Only those use devices together whose Tf32Scopes say the same.
class DeviceUse {
 public:
  explicit DeviceUse(const c10::Device& device);
  ~DeviceUse();
  DeviceUse(const DeviceUse&) = delete;
  DeviceUse& operator=(const DeviceUse&) = delete;

 private:
  bool counts_;
};

/// While it lives, this thread alone uses devices, so that it may record.
class SoleDeviceUse {
 public:
  /// @throws c10::Error inside a DeviceUse of the same thread, which would wait for itself.
  SoleDeviceUse();
  ~SoleDeviceUse();
  SoleDeviceUse(const SoleDeviceUse&) = delete;
  SoleDeviceUse& operator=(const SoleDeviceUse&) = delete;
};

}  // namespace wsss
