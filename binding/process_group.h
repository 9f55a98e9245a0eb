// The JavaScript class of a group of processes that train together.
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "executor.h"
#include "wsss/process_group/process_group.h"

namespace wsss::binding {

/// The JavaScript object that holds a ProcessGroup, and the threads on which it waits for the other processes.
class ProcessGroupWrap : public Napi::ObjectWrap<ProcessGroupWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  /// Null for null and undefined.
  /// @throws Error kOption if the value is no ProcessGroup; kDisposed before join() and after leave().
  static std::shared_ptr<ProcessGroup> unwrap(Napi::Value value);

  explicit ProcessGroupWrap(const Napi::CallbackInfo& info);

 private:
  /// What the object shares with its jobs.
  class Holder {
   public:
    void set(std::shared_ptr<ProcessGroup> group);
    /// @throws Error kDisposed before join() and after leave().
    std::shared_ptr<ProcessGroup> ready() const;

   private:
    mutable std::mutex mutex_;
    std::shared_ptr<ProcessGroup> group_;
  };

  Napi::Value join(const Napi::CallbackInfo& info);
  Napi::Value announce(const Napi::CallbackInfo& info);
  Napi::Value await_announcement(const Napi::CallbackInfo& info);
  Napi::Value claim(const Napi::CallbackInfo& info);
  Napi::Value leave(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info, Napi::Value on_event, Napi::Value done, Executor::Body body);

  std::shared_ptr<Holder> holder_;
  std::unique_ptr<Executor> executor_;
  /// Waits for announcements, which may take hours: other calls go on meanwhile.
  std::unique_ptr<Executor> waiting_;
};

}  // namespace wsss::binding
