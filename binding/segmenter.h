#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "model.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss::binding {

/// NativeSegmenter of lib/native/addon.ts.
class SegmenterWrap : public Napi::ObjectWrap<SegmenterWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SegmenterWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value submit(const Napi::CallbackInfo& info, std::size_t event_index, Executor::Body body);
  Napi::Value initialize(const Napi::CallbackInfo& info);
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value save(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value segment(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::string backbone_;
  std::int64_t output_stride_ = 16;
  std::shared_ptr<Model<DeepLab>> model_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace wsss::binding
