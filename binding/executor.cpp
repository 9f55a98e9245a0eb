#include "executor.h"

#include <sys/prctl.h>

#include <chrono>
#include <exception>
#include <utility>

#include "addon_state.h"
#include "failure.h"
#include "wsss/device/device.h"

namespace wsss::binding {

/// A queued or running body with its way back to JavaScript.
class Job {
 public:
  Job(Napi::Env env, Napi::Object owner, Napi::Value on_event, Napi::Function done, Executor::Body body)
      : body_(std::move(body)), callbacks_(new Callbacks) {
    callbacks_->owner = Napi::Persistent(owner);
    if (on_event.IsFunction()) callbacks_->on_event = Napi::Persistent(on_event.As<Napi::Function>());
    Callbacks* callbacks = callbacks_;
    // References may only die on the JavaScript thread, so the function's finaliser owns them.
    to_javascript_ =
        Napi::ThreadSafeFunction::New(env, done, "wsss job", 0, 1, [callbacks](Napi::Env) { delete callbacks; });
  }

  void run() {
    JobContext context(*this);
    Reply reply;
    std::unique_ptr<Error> failure;
    try {
      token_.check();
      reply = body_(context);
    } catch (...) {
      failure = std::make_unique<Error>(as_error(std::current_exception()));
    }
    body_ = nullptr;  // What the body holds (stores, networks) is let go before JavaScript hears of the end.
    finish(std::move(reply), std::move(failure));
  }

  /// Ends a job that never ran.
  void abandon() {
    finish(nullptr, std::make_unique<Error>(ErrorCode::kCancelled, "the work was cancelled before it began"));
  }

  void emit(Reply event) {
    if (closed_) return;
    Callbacks* callbacks = callbacks_;
    const auto status =
        to_javascript_.BlockingCall([callbacks, event = std::move(event)](Napi::Env env, Napi::Function) {
          if (!callbacks->on_event.IsEmpty()) callbacks->on_event.Call({event(env)});
        });
    closed_ = status == napi_closing;
  }

  CancelToken& token() { return token_; }

 private:
  struct Callbacks {
    Napi::ObjectReference owner;
    Napi::FunctionReference on_event;
  };

  void finish(Reply reply, std::unique_ptr<Error> failure) {
    if (closed_) return;
    const std::shared_ptr<Error> error = std::move(failure);
    const auto status =
        to_javascript_.BlockingCall([reply = std::move(reply), error](Napi::Env env, Napi::Function done) {
          if (error) {
            done.Call({failure_object(env, *error)});
          } else {
            done.Call({env.Null(), reply ? reply(env) : env.Null()});
          }
        });
    if (status != napi_closing) to_javascript_.Release();
  }

  Executor::Body body_;
  CancelToken token_;
  Callbacks* callbacks_;
  Napi::ThreadSafeFunction to_javascript_;
  bool closed_ = false;  // The environment is gone: nothing may be sent any more.
};

const CancelToken& JobContext::cancel() const { return job_.token(); }

void JobContext::emit(Reply event) const { job_.emit(std::move(event)); }

Executor::Executor(Napi::Env env, int threads, AtRest at_rest) : env_(env), threads_(threads), at_rest_(at_rest) {
  napi_add_env_cleanup_hook(env_, on_environment_end, this);
  AddonState::of(env)->add(this);
}

Executor::~Executor() {
  if (hooked_) {
    napi_remove_env_cleanup_hook(env_, on_environment_end, this);
    if (AddonState* state = AddonState::of(env_)) state->remove(this);
  }
  stop();
}

void Executor::on_environment_end(void* executor) {
  auto* self = static_cast<Executor*>(executor);
  self->hooked_ = false;
  self->stop();
}

Napi::Value Executor::submit(Napi::Env env, Napi::Object owner, Napi::Value on_event, Napi::Value done, Body body) {
  if (!done.IsFunction()) throw Error(ErrorCode::kOption, "the last argument must be a function");
  std::shared_ptr<Job> job;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_ || retired_)
      throw Error(ErrorCode::kDisposed, "the model was disposed, or the process is about to end");
    // A job whose callbacks nobody would call keeps the process from its end: first the thread, which may be refused.
    if (!runs_) start_thread();
    job = std::make_shared<Job>(env, owner, on_event, done.As<Napi::Function>(), std::move(body));
    queue_.push_back(job);
  }
  wake_.notify_one();
  Napi::Object handle = Napi::Object::New(env);
  const CancelToken token = job->token();
  handle.Set("cancel", Napi::Function::New(env, [token](const Napi::CallbackInfo&) { token.cancel(); }));
  return handle;
}

void Executor::abort_all() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (running_) running_->token().abort();
  for (const auto& job : queue_) job->token().abort();
}

/// With the mutex held.
void Executor::start_thread() {
  if (thread_.joinable()) thread_.join();  // It has looked at the queue for the last time.
  thread_ = std::thread([this] { run(); });
  runs_ = true;
}

void Executor::run() {
  prctl(PR_SET_NAME, "wsss model");  // And so are the threads of its OpenMP pool.
  set_intra_op_threads(threads_);
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      running_.reset();
      runs_ = has_work(lock);
      if (!runs_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      running_ = job;
    }
    job->run();
  }
}

/// Waits for a job; false if the thread shall end.
bool Executor::has_work(std::unique_lock<std::mutex>& lock) {
  // Calls that follow each other share a thread.
  constexpr std::chrono::milliseconds kRest(100);
  const auto is_called = [this] { return stopping_ || retired_ || !queue_.empty(); };
  if (at_rest_ == AtRest::kStays) {
    wake_.wait(lock, is_called);
  } else {
    // Not wait_for(), which needs GLIBC_2.34 for its steady clock; if the system's is set, this rest is another.
    wake_.wait_until(lock, std::chrono::system_clock::now() + kRest, is_called);
  }
  return !stopping_ && !queue_.empty();
}

void Executor::retire() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    retired_ = true;
  }
  wake_.notify_one();
}

void Executor::stop() {
  abort_all();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (const auto& job : queue_) job->abandon();
  queue_.clear();
}

}  // namespace wsss::binding
