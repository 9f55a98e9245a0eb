// Groups of processes: the class NativeProcessGroup in lib/native/native-process-group.ts.

#include "process_group.h"

#include <chrono>
#include <string>
#include <utility>

#include "failure.h"
#include "fields.h"
#include "wsss/core/error.h"

namespace wsss::binding {

namespace {

constexpr napi_type_tag kProcessGroupTag{0x5be1c1a97d3f4e06ULL, 0x9c1f0a7742b84d15ULL};

ProcessGroupOptions process_group_options(const Fields& fields) {
  ProcessGroupOptions options;
  options.rank = static_cast<int>(fields.integer("rank"));
  options.size = static_cast<int>(fields.integer("size"));
  options.address = fields.string("address");
  options.port = static_cast<int>(fields.integer("port"));
  options.keeps_store = fields.boolean("keepsStore");
  options.prefix = fields.string("prefix");
  options.timeout = std::chrono::milliseconds(fields.integer("timeoutMs"));
  return options;
}

}  // namespace

Napi::Function ProcessGroupWrap::define(Napi::Env env) {
  return DefineClass(
      env, "ProcessGroup",
      {InstanceMethod<&ProcessGroupWrap::join>("join"), InstanceMethod<&ProcessGroupWrap::announce>("announce"),
       InstanceMethod<&ProcessGroupWrap::await_announcement>("awaitAnnouncement"),
       InstanceMethod<&ProcessGroupWrap::claim>("claim"), InstanceMethod<&ProcessGroupWrap::leave>("leave")});
}

ProcessGroupWrap::ProcessGroupWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ProcessGroupWrap>(info), holder_(std::make_shared<Holder>()) {
  executor_ = std::make_unique<Executor>(info.Env(), 1, Executor::AtRest::kEnds);
  waiting_ = std::make_unique<Executor>(info.Env(), 1, Executor::AtRest::kEnds);
  info.This().As<Napi::Object>().TypeTag(&kProcessGroupTag);
}

void ProcessGroupWrap::Holder::set(std::shared_ptr<ProcessGroup> group) {
  const std::lock_guard<std::mutex> lock(mutex_);
  group_ = std::move(group);
}

std::shared_ptr<ProcessGroup> ProcessGroupWrap::Holder::ready() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (group_ == nullptr) throw Error(ErrorCode::kDisposed, "this process has left its process group");
  return group_;
}

std::shared_ptr<ProcessGroup> ProcessGroupWrap::unwrap(Napi::Value value) {
  if (value.IsNull() || value.IsUndefined()) return nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kProcessGroupTag)) {
    throw Error(ErrorCode::kOption, "group must be a ProcessGroup");
  }
  return Unwrap(value.As<Napi::Object>())->holder_->ready();
}

// (options, onEvent: (port) => void, done)
Napi::Value ProcessGroupWrap::join(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const ProcessGroupOptions options = process_group_options(Fields(info[0], "ProcessGroup.join"));
    return submit(info, info[1], info[2], [holder = holder_, options](JobContext& job) -> Reply {
      const auto on_listening = [&job](int port) {
        job.emit([port](Napi::Env env) { return Napi::Value(Napi::Number::New(env, port)); });
      };
      holder->set(ProcessGroup::join(options, on_listening, job.cancel()));
      return nullptr;
    });
  });
}

// ({name, text}, done): leaves a text where all processes can read it.
Napi::Value ProcessGroupWrap::announce(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "ProcessGroup.announce");
    return submit(info, info.Env().Null(), info[1],
                  [holder = holder_, name = fields.string("name"), text = fields.string("text")](JobContext&) -> Reply {
                    holder->ready()->announce(name, text);
                    return nullptr;
                  });
  });
}

// ({name}, done): waits for it, however long it takes.
Napi::Value ProcessGroupWrap::await_announcement(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "ProcessGroup.awaitAnnouncement");
    return waiting_->submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), info[1],
                            [holder = holder_, name = fields.string("name")](JobContext& job) -> Reply {
                              const std::string text = holder->ready()->await_announcement(name, job.cancel());
                              return [text](Napi::Env env) { return Napi::Value(Napi::String::New(env, text)); };
                            });
  });
}

// ({name}, done): a number that no other process is given.
Napi::Value ProcessGroupWrap::claim(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "ProcessGroup.claim");
    return submit(info, info.Env().Null(), info[1],
                  [holder = holder_, name = fields.string("name")](JobContext&) -> Reply {
                    const auto given = static_cast<double>(holder->ready()->claim(name));
                    return [given](Napi::Env env) { return Napi::Value(Napi::Number::New(env, given)); };
                  });
  });
}

// ({why}, done): empty where the work is done.
Napi::Value ProcessGroupWrap::leave(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "ProcessGroup.leave");
    waiting_->abort_all();
    waiting_->retire();
    executor_->abort_all();
    const Napi::Value handle =
        submit(info, info.Env().Null(), info[1], [holder = holder_, why = fields.string("why")](JobContext&) -> Reply {
          holder->ready()->leave(why);
          holder->set(nullptr);
          return nullptr;
        });
    executor_->retire();
    return handle;
  });
}

Napi::Value ProcessGroupWrap::submit(const Napi::CallbackInfo& info, Napi::Value on_event, Napi::Value done,
                                     Executor::Body body) {
  return executor_->submit(info.Env(), info.This().As<Napi::Object>(), on_event, done, std::move(body));
}

}  // namespace wsss::binding
