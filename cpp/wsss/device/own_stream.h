// A CUDA stream of a thread's own, which can be recorded.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace wsss {

/// While it lives, what this thread asks of a CUDA device goes into a stream of its own, which, unlike LibTorch's
/// default stream, can be recorded. At its start and end the host waits for the device, so that nothing overtakes what
/// was asked of it before. On the CPU it does nothing.
class OwnStream {
 public:
  explicit OwnStream(const c10::Device& device);
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

 private:
  c10::Device device_;
  std::optional<c10::StreamGuard> guard_;
};

}  // namespace wsss
