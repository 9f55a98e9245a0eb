// Waiting for what another process leaves in the store of a group.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "wsss/core/cancel.h"
#include "wsss/process_group/process_group.h"

namespace wsss {

/// A text that a process waits for, asked for on one thread and awaited on another: a store that hangs answers nothing.
class StoreAnswer {
 public:
  /// Asks until the key is there, a process has left, or one has not shown any life for the group's timeout.
  void ask(c10d::Store& store, const ProcessGroupOptions& options, const std::string& key);
  /// @throws Error kProcessGroup if a process or the store is lost; kCancelled.
  std::string await(const ProcessGroupOptions& options, const CancelToken& cancel);
  /// Nobody waits any more.
  void stop();

 private:
  bool stopped();
  void touch();
  void settle(std::string text);
  void fail(const Error& failure);

  std::mutex mutex_;
  std::chrono::steady_clock::time_point touched_ = std::chrono::steady_clock::now();  ///< When the store last answered.
  bool stopped_ = false;
  std::optional<std::string> text_;
  std::optional<Error> failure_;
};

/// Asks the store for a number, on a thread of its own: one that hangs answers nothing.
///
/// @throws Error kProcessGroup if it does not answer within the group's timeout.
std::int64_t ask_in_time(const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& options,
                         const std::function<std::int64_t(c10d::Store&)>& ask);

}  // namespace wsss
