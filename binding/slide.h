// The JavaScript class of an open slide.
#pragma once

#include <napi.h>

#include <memory>

#include "executor.h"
#include "wsss/slide/slide.h"

namespace wsss::binding {

/// The JavaScript object that holds a Slide and the thread on which it is worked with.
class SlideWrap : public Napi::ObjectWrap<SlideWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit SlideWrap(const Napi::CallbackInfo& info);

 private:
  /// What the object shares with its jobs; only the executor's thread touches the slide.
  struct Holder {
    std::shared_ptr<const Slide> slide;

    /// @throws Error kDisposed before open() and after close().
    const Slide& ready() const;
  };

  Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value find_tissue(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info, Napi::Value done, Executor::Body body);

  std::shared_ptr<Holder> holder_;
  std::unique_ptr<Executor> executor_;
};

/// Adds Slide and openSlideVersion to the addon.
void define_slides(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
