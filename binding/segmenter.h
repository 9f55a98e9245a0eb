#pragma once

#include <napi.h>

#include <string>

#include "model.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss::binding {

/// NativeSegmenter of lib/native/addon.ts.
class SegmenterWrap : public ModelWrap<SegmenterWrap, DeepLab> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SegmenterWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value initialize(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value segment(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);

  std::string backbone_;
  std::int64_t output_stride_ = 16;
};

}  // namespace wsss::binding
