// The native threads that run jobs for JavaScript, with their events, results and cancellation.
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
/// (whose four threads serve all of node:fs, and where every thread would get an OpenMP pool of its own).
///
/// A waiting thread keeps its OpenMP pool, and as soon as all pools together have more threads than the machine has
/// cores, libgomp hardly spins in any of them: with an idle classifier beside it, a training step of a small segmenter
/// took 1.7 times as long. So the thread ends soon after its last job, unless it has to stay, and the next job starts
/// another.
///
/// When its environment ends (worker.terminate), what runs is cancelled and the thread joined. process.exit runs no
/// environment hooks: lib calls the addon's shutdown() then, because LibTorch's static objects must not die under a
/// running job.
class Executor {
 public:
  using Body = std::function<Reply(JobContext&)>;

  enum class AtRest {
    kEnds,
    kStays,  ///< For work on a GPU: cuDNN remembers per thread which algorithm it found fastest for a convolution.
  };

  /// @param threads  intra-op threads of LibTorch in this executor's work, 0 = LibTorch's choice.
  Executor(Napi::Env env, int threads, AtRest at_rest);
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

  /// Lets the thread end once its queue is empty; later jobs are refused.
  void retire();

  /// Cancels everything and joins the thread; later jobs are refused.
  void stop();

 private:
  static void on_environment_end(void* executor);
  void start_thread();
  void run();
  bool has_work(std::unique_lock<std::mutex>& lock);

  napi_env env_;
  int threads_;
  AtRest at_rest_;
  bool hooked_ = true;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  bool retired_ = false;
  bool stopping_ = false;
  bool runs_ = false;  ///< Whether the thread will look at the queue again.
  std::thread thread_;
};

}  // namespace wsss::binding
