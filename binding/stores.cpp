#include "stores.h"

#include <cstring>

#include "failure.h"
#include "fields.h"
#include "wsss/core/error.h"

namespace wsss::binding {

namespace {

// Marks our objects, so that a foreign one handed to a method is refused instead of reinterpreted.
constexpr napi_type_tag kPatchStoreTag{0x5be1c1a97d3f4e02ULL, 0x9c1f0a7742b84d11ULL};
constexpr napi_type_tag kMaskStoreTag{0x5be1c1a97d3f4e03ULL, 0x9c1f0a7742b84d12ULL};

/// A store's last argument: nothing, true for one that others may attach, or the address of one to attach.
StoreMemory memory_argument(const Napi::CallbackInfo& info, std::size_t index) {
  const Napi::Value value = info[index];
  if (value.IsUndefined()) return {};
  if (value.IsBoolean()) return {value.As<Napi::Boolean>().Value(), ""};
  if (!value.IsString()) throw Error(ErrorCode::kOption, "memory must be true, false or an address");
  const std::string address = value.As<Napi::String>().Utf8Value();
  if (address.empty()) throw Error(ErrorCode::kOption, "the address of the memory must not be empty");
  return {false, address};
}

Napi::Value address_or_null(const Napi::CallbackInfo& info, const std::string& address) {
  return address.empty() ? info.Env().Null() : Napi::String::New(info.Env(), address);
}

std::int64_t integer_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
  if (!info[index].IsNumber()) throw Error(ErrorCode::kOption, std::string(name) + " must be a whole number");
  return info[index].As<Napi::Number>().Int64Value();
}

Napi::Value copied(Napi::Env env, const std::uint8_t* bytes, std::int64_t size) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, static_cast<std::size_t>(size));
  std::memcpy(buffer.Data(), bytes, static_cast<std::size_t>(size));
  return buffer;
}

bool has_tag(Napi::Value value, const napi_type_tag& tag) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&tag);
}

Napi::Value number(const Napi::CallbackInfo& info, std::int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

}  // namespace

Napi::Function PatchStoreWrap::define(Napi::Env env) {
  return DefineClass(
      env, "PatchStore",
      {InstanceAccessor<&PatchStoreWrap::count>("count"), InstanceAccessor<&PatchStoreWrap::height>("height"),
       InstanceAccessor<&PatchStoreWrap::width>("width"), InstanceAccessor<&PatchStoreWrap::class_count>("classCount"),
       InstanceMethod<&PatchStoreWrap::set_patch>("setPatch"), InstanceMethod<&PatchStoreWrap::set_labels>("setLabels"),
       InstanceAccessor<&PatchStoreWrap::address>("address"), InstanceMethod<&PatchStoreWrap::patch>("patch"),
       InstanceMethod<&PatchStoreWrap::labels>("labels")});
}

PatchStoreWrap::PatchStoreWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PatchStoreWrap>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    store_ = std::make_shared<PatchStore>(integer_argument(info, 0, "count"), integer_argument(info, 1, "height"),
                                          integer_argument(info, 2, "width"), integer_argument(info, 3, "classCount"),
                                          memory_argument(info, 4));
    info.This().As<Napi::Object>().TypeTag(&kPatchStoreTag);
    return info.Env().Undefined();
  });
}

std::shared_ptr<PatchStore> PatchStoreWrap::unwrap(Napi::Value value, const char* what) {
  if (!has_tag(value, kPatchStoreTag)) throw Error(ErrorCode::kOption, std::string(what) + " must be a PatchStore");
  return Unwrap(value.As<Napi::Object>())->store_;
}

std::vector<std::shared_ptr<PatchStore>> PatchStoreWrap::unwrap_all(Napi::Value value, const char* what) {
  std::vector<std::shared_ptr<PatchStore>> stores;
  if (value.IsNull() || value.IsUndefined()) return stores;
  if (!value.IsArray()) {
    stores.push_back(unwrap(value, what));
    return stores;
  }
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) stores.push_back(unwrap(array.Get(i), what));
  return stores;
}

Napi::Value PatchStoreWrap::count(const Napi::CallbackInfo& info) { return number(info, store_->count()); }
Napi::Value PatchStoreWrap::height(const Napi::CallbackInfo& info) { return number(info, store_->height()); }
Napi::Value PatchStoreWrap::width(const Napi::CallbackInfo& info) { return number(info, store_->width()); }
Napi::Value PatchStoreWrap::class_count(const Napi::CallbackInfo& info) { return number(info, store_->class_count()); }

Napi::Value PatchStoreWrap::address(const Napi::CallbackInfo& info) { return address_or_null(info, store_->address()); }

Napi::Value PatchStoreWrap::set_patch(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::uint8_t* target = store_->patch(integer_argument(info, 0, "index"));
    const std::int64_t size = store_->height() * store_->width() * 3;
    std::memcpy(target, bytes_of(info[1], size, "patch"), static_cast<std::size_t>(size));
    return info.Env().Undefined();
  });
}

Napi::Value PatchStoreWrap::set_labels(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::uint8_t* target = store_->labels(integer_argument(info, 0, "index"));
    std::memcpy(target, bytes_of(info[1], store_->class_count(), "labels"),
                static_cast<std::size_t>(store_->class_count()));
    return info.Env().Undefined();
  });
}

Napi::Value PatchStoreWrap::patch(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return copied(info.Env(), store_->patch(integer_argument(info, 0, "index")),
                  store_->height() * store_->width() * 3);
  });
}

Napi::Value PatchStoreWrap::labels(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return copied(info.Env(), store_->labels(integer_argument(info, 0, "index")), store_->class_count());
  });
}

Napi::Function MaskStoreWrap::define(Napi::Env env) {
  return DefineClass(
      env, "MaskStore",
      {InstanceAccessor<&MaskStoreWrap::count>("count"), InstanceAccessor<&MaskStoreWrap::height>("height"),
       InstanceAccessor<&MaskStoreWrap::width>("width"), InstanceAccessor<&MaskStoreWrap::level_count>("levelCount"),
       InstanceAccessor<&MaskStoreWrap::address>("address"), InstanceMethod<&MaskStoreWrap::set_mask>("setMask"),
       InstanceMethod<&MaskStoreWrap::mask>("mask")});
}

MaskStoreWrap::MaskStoreWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MaskStoreWrap>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    store_ = std::make_shared<MaskStore>(integer_argument(info, 0, "count"), integer_argument(info, 1, "height"),
                                         integer_argument(info, 2, "width"), integer_argument(info, 3, "levelCount"),
                                         memory_argument(info, 4));
    info.This().As<Napi::Object>().TypeTag(&kMaskStoreTag);
    return info.Env().Undefined();
  });
}

std::shared_ptr<MaskStore> MaskStoreWrap::unwrap(Napi::Value value, const char* what) {
  if (!has_tag(value, kMaskStoreTag)) throw Error(ErrorCode::kOption, std::string(what) + " must be a MaskStore");
  return Unwrap(value.As<Napi::Object>())->store_;
}

Napi::Value MaskStoreWrap::count(const Napi::CallbackInfo& info) { return number(info, store_->count()); }
Napi::Value MaskStoreWrap::height(const Napi::CallbackInfo& info) { return number(info, store_->height()); }
Napi::Value MaskStoreWrap::width(const Napi::CallbackInfo& info) { return number(info, store_->width()); }
Napi::Value MaskStoreWrap::level_count(const Napi::CallbackInfo& info) { return number(info, store_->level_count()); }

Napi::Value MaskStoreWrap::address(const Napi::CallbackInfo& info) { return address_or_null(info, store_->address()); }

Napi::Value MaskStoreWrap::set_mask(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::uint8_t* target = store_->mask(integer_argument(info, 0, "level"), integer_argument(info, 1, "index"));
    const std::int64_t size = store_->height() * store_->width();
    std::memcpy(target, bytes_of(info[2], size, "mask"), static_cast<std::size_t>(size));
    return info.Env().Undefined();
  });
}

Napi::Value MaskStoreWrap::mask(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::int64_t level = integer_argument(info, 0, "level");
    return copied(info.Env(), store_->mask(level, integer_argument(info, 1, "index")),
                  store_->height() * store_->width());
  });
}

}  // namespace wsss::binding
