// The JavaScript class of what patches look like, from which labels are suggested and patches are ordered.
#pragma once

#include <napi.h>

#include <memory>

#include "executor.h"
#include "wsss/label_suggestion/patch_features.h"

namespace wsss::binding {

/// The JavaScript object that holds PatchFeatures and the thread on which they are learned from.
class PatchFeaturesWrap : public Napi::ObjectWrap<PatchFeaturesWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  /// @throws Error kOption if the value is no PatchFeatures.
  static std::shared_ptr<PatchFeatures> unwrap(Napi::Value value);

  explicit PatchFeaturesWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value suggest(const Napi::CallbackInfo& info);
  Napi::Value spread(const Napi::CallbackInfo& info);
  Napi::Value likeness(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info, Napi::Value done, Executor::Body body);

  std::shared_ptr<PatchFeatures> features_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace wsss::binding
