#pragma once

#include <napi.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "wsss/core/cancel.h"

namespace wsss::binding {

/// Makes a JavaScript value from what a job found. Runs on the JavaScript thread.
using Reply = std::function<Napi::Value(Napi::Env)>;

class Job;

/// What a job's body may do while it runs on the executor's thread.
class JobContext {
 public:
  explicit JobContext(Job& job) : job_(job) {}
  const CancelToken& cancel() const;
  /// Sends one event to the job's onEvent callback. Never waits.
  void emit(Reply event) const;

 private:
  Job& job_;
};

/// One native thread that runs the jobs of one object, one after the other, off the event loop and outside libuv's pool
/// (whose four threads all of node:fs shares, and where every thread would get an OpenMP pool of its own).
///
/// When its environment ends (worker.terminate), what runs is cancelled and the thread joined. process.exit runs no
/// environment hooks: lib calls the addon's shutdown() then, because LibTorch's static objects must not die under a
/// running job.
class Executor {
 public:
  using Body = std::function<Reply(JobContext&)>;

  /// @param threads  intra-op threads of LibTorch in this executor's work, 0 = LibTorch's choice.
  Executor(Napi::Env env, int threads);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Queues a job.
  ///
  /// @param owner     kept alive until the job has ended.
  /// @param on_event  function, or null / undefined.
  /// @param done      called once with (null, value) or (failure).
  /// @return          {cancel()}
  /// @throws Error    kDisposed after retire() or stop().
  Napi::Value submit(Napi::Env env, Napi::Object owner, Napi::Value on_event, Napi::Value done, Body body);

  /// Stops every job now, queued or running: what a training has not saved is lost.
  void abort_all();

  /// Lets the thread end once its queue is empty; later jobs are refused. A thread that waits for ever keeps its OpenMP
  /// pool, and libgomp stops spinning in all pools as soon as they count more threads than the machine has cores.
  void retire();

  /// Cancels everything and joins the thread; later jobs are refused.
  void stop();

 private:
  static void on_environment_end(void* executor);
  void run();

  napi_env env_;
  int threads_;
  bool hooked_ = true;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  bool retired_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace wsss::binding
