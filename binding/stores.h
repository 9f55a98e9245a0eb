// The JavaScript classes for patches and masks that are kept in native memory.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "wsss/dataset/patch_store.h"

namespace wsss::binding {

/// The JavaScript object that holds a PatchStore.
class PatchStoreWrap : public Napi::ObjectWrap<PatchStoreWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  /// @throws Error kOption if the value is no PatchStore.
  static std::shared_ptr<PatchStore> unwrap(Napi::Value value, const char* what);
  /// One store, or each of an array; none for null and undefined.
  static std::vector<std::shared_ptr<PatchStore>> unwrap_all(Napi::Value value, const char* what);

  explicit PatchStoreWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value height(const Napi::CallbackInfo& info);
  Napi::Value width(const Napi::CallbackInfo& info);
  Napi::Value class_count(const Napi::CallbackInfo& info);
  Napi::Value address(const Napi::CallbackInfo& info);
  Napi::Value set_patch(const Napi::CallbackInfo& info);
  Napi::Value set_labels(const Napi::CallbackInfo& info);
  Napi::Value patch(const Napi::CallbackInfo& info);
  Napi::Value labels(const Napi::CallbackInfo& info);

  std::shared_ptr<PatchStore> store_;
};

/// The JavaScript object that holds a MaskStore.
class MaskStoreWrap : public Napi::ObjectWrap<MaskStoreWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  /// @throws Error kOption if the value is no MaskStore.
  static std::shared_ptr<MaskStore> unwrap(Napi::Value value, const char* what);

  explicit MaskStoreWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value count(const Napi::CallbackInfo& info);
  Napi::Value height(const Napi::CallbackInfo& info);
  Napi::Value width(const Napi::CallbackInfo& info);
  Napi::Value level_count(const Napi::CallbackInfo& info);
  Napi::Value address(const Napi::CallbackInfo& info);
  Napi::Value set_mask(const Napi::CallbackInfo& info);
  Napi::Value mask(const Napi::CallbackInfo& info);

  std::shared_ptr<MaskStore> store_;
};

}  // namespace wsss::binding
