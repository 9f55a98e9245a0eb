// What the addon keeps for one JavaScript environment: its executors, and the one for jobs without a model.
#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "executor.h"

namespace wsss::binding {

/// State of one environment (the main thread or a worker).
class AddonState {
 public:
  /// Null once the environment has been torn down.
  static AddonState* of(Napi::Env env) { return env.GetInstanceData<AddonState>(); }

  /// Runs jobs that belong to no model. Its thread starts with the first of them.
  Executor& shared_executor(Napi::Env env) {
    if (!shared_) shared_ = std::make_unique<Executor>(env, 0, Executor::AtRest::kEnds);
    return *shared_;
  }

  void add(Executor* executor) { executors_.insert(executor); }
  void remove(Executor* executor) { executors_.erase(executor); }

  /// Cancels all work and joins all threads.
  void shut_down() {
    for (Executor* executor : executors_) executor->stop();
  }

 private:
  std::set<Executor*> executors_;  // outlives shared_, which removes itself
  std::unique_ptr<Executor> shared_;
};

/// Queues a job that belongs to no model and reports no progress.
inline Napi::Value submit_shared(const Napi::CallbackInfo& info, std::size_t done_index, Executor::Body body) {
  Executor& executor = AddonState::of(info.Env())->shared_executor(info.Env());
  return executor.submit(info.Env(), Napi::Object::New(info.Env()), info.Env().Null(), info[done_index],
                         std::move(body));
}

}  // namespace wsss::binding
