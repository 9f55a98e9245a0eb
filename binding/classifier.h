#pragma once

#include <napi.h>

#include <memory>

#include "model.h"
#include "wsss/classifier/resnet38.h"

namespace wsss::binding {

/// NativeClassifier of lib/native/addon.ts.
class ClassifierWrap : public Napi::ObjectWrap<ClassifierWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ClassifierWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value submit(const Napi::CallbackInfo& info, std::size_t event_index, Executor::Body body);
  Napi::Value initialize(const Napi::CallbackInfo& info);
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value save(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value classify(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value generate_masks(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<Model<ResNet38>> model_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace wsss::binding
