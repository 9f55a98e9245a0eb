// The classifier as a JavaScript class: training, classification, evaluation and pseudo masks.
#pragma once

#include <napi.h>

#include "model.h"
#include "wsss/classifier/classifier.h"

namespace wsss::binding {

/// NativeClassifier of lib/native/addon.ts.
class ClassifierWrap : public ModelWrap<ClassifierWrap, Classifier> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ClassifierWrap(const Napi::CallbackInfo& info);
  static Classifier build(const ModelConfig& config);
  static OnnxWriter<Classifier> onnx_writer(const Fields& fields);
  /// The network of a JavaScript object, for work of others with it; lib holds the object meanwhile.
  /// @throws Error kOption if the value is no Classifier.
  static std::shared_ptr<Model<Classifier>> unwrap(Napi::Value value);

 private:
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value classify(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value generate_masks(const Napi::CallbackInfo& info);
};

}  // namespace wsss::binding
