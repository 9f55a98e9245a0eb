#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>

#include "wsss/core/error.h"

namespace wsss {

/// A flag that another thread raises to stop work. Copies share the flag.
class CancelToken {
 public:
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }

  /// @throws Error kCancelled if the flag is raised.
  void check() const {
    if (cancelled()) throw Error(ErrorCode::kCancelled, "the work was cancelled");
  }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

/// Makes a token the one that check_cancelled() asks on this thread, until the scope ends.
class CancelScope {
 public:
  explicit CancelScope(const CancelToken& token);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  const CancelToken* previous_;
};

/// @throws Error kCancelled if the token of the innermost CancelScope of this thread is raised.
void check_cancelled();

/// check_cancelled() now and, if gradients flow through `x`, again when the backward pass comes by. Networks place it
/// between their blocks, so that even one step of a full-size network stops in a fraction of a second.
void cancellation_point(const at::Tensor& x);

}  // namespace wsss
