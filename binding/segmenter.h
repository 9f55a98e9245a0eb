// The segmenter as a JavaScript class: training, segmentation and evaluation.
#pragma once

#include <napi.h>

#include "model.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss::binding {

/// NativeSegmenter of lib/native/addon.ts.
class SegmenterWrap : public ModelWrap<SegmenterWrap, DeepLab> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SegmenterWrap(const Napi::CallbackInfo& info);
  static DeepLab build(const ModelConfig& config);
  static OnnxWriter<DeepLab> onnx_writer(const Fields& fields);

 private:
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value segment(const Napi::CallbackInfo& info);
  Napi::Value redraw_masks(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value segment_slide(const Napi::CallbackInfo& info);
};

}  // namespace wsss::binding
