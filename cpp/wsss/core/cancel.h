// Cancellation of running work from another thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>

#include "wsss/core/error.h"

namespace wsss {

/// How urgently work is to stop.
enum class CancelLevel : int {
  kNone = 0,
  kCancel = 1,  ///< At the next place where nothing is lost: a training with checkpoints ends its step and saves.
  kAbort = 2,   ///< Now: the model is being disposed of, or the process ends.
};

/// A wish to stop, raised by another thread. Copies share it.
class CancelToken {
 public:
  void cancel() const noexcept { raise(CancelLevel::kCancel); }
  void abort() const noexcept { raise(CancelLevel::kAbort); }
  bool cancelled() const noexcept { return reaches(CancelLevel::kCancel); }
  bool aborted() const noexcept { return reaches(CancelLevel::kAbort); }

  /// @throws Error kCancelled if the wish is at least that urgent.
  void check(CancelLevel level = CancelLevel::kCancel) const {
    if (reaches(level)) throw Error(ErrorCode::kCancelled, "the work was cancelled");
  }

 private:
  bool reaches(CancelLevel level) const noexcept {
    return level_->load(std::memory_order_relaxed) >= static_cast<int>(level);
  }
  void raise(CancelLevel level) const noexcept {
    int current = level_->load(std::memory_order_relaxed);
    while (current < static_cast<int>(level) && !level_->compare_exchange_weak(current, static_cast<int>(level))) {
    }
  }

  std::shared_ptr<std::atomic<int>> level_ = std::make_shared<std::atomic<int>>(0);
};

/// Makes a token the one that check_cancelled() asks on this thread, until the scope ends.
class CancelScope {
 public:
  /// @param level  what it takes to interrupt the work inside.
  explicit CancelScope(const CancelToken& token, CancelLevel level = CancelLevel::kCancel);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  const CancelToken* previous_token_;
  CancelLevel previous_level_;
};

/// @throws Error kCancelled if the token of the innermost CancelScope of this thread is raised to its level.
void check_cancelled();

/// check_cancelled() now and, if gradients flow through `x`, again when the backward pass comes by. Networks place it
/// between their blocks, so that even one step of a full-size network stops in a fraction of a second.
void cancellation_point(const at::Tensor& x);

}  // namespace wsss
