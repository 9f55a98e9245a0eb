#include "fields.h"

#include <cmath>

#include "wsss/core/error.h"

namespace wsss::binding {

Fields::Fields(Napi::Value value, const char* where) : where_(where) {
  if (!value.IsObject()) throw Error(ErrorCode::kOption, std::string(where) + ": options must be an object");
  object_ = value.As<Napi::Object>();
}

void Fields::fail(const char* name, const char* expected) const {
  throw Error(ErrorCode::kOption, std::string(name) + " must be " + expected + " (" + where_ + ")", {{"option", name}});
}

Napi::Value Fields::value(const char* name) const { return object_.Get(name); }

double Fields::number(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsNumber()) fail(name, "a number");
  return member.As<Napi::Number>().DoubleValue();
}

std::int64_t Fields::integer(const char* name) const {
  const double member = number(name);
  if (!std::isfinite(member) || member != std::floor(member)) fail(name, "a whole number");
  return static_cast<std::int64_t>(member);
}

std::uint64_t Fields::seed(const char* name) const { return static_cast<std::uint64_t>(integer(name)); }

bool Fields::boolean(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsBoolean()) fail(name, "true or false");
  return member.As<Napi::Boolean>().Value();
}

std::string Fields::string(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsString()) fail(name, "a string");
  return member.As<Napi::String>().Utf8Value();
}

std::vector<std::string> Fields::strings(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsArray()) fail(name, "an array of strings");
  const auto array = member.As<Napi::Array>();
  std::vector<std::string> result;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsString()) fail(name, "an array of strings");
    result.push_back(item.As<Napi::String>().Utf8Value());
  }
  return result;
}

std::vector<double> Fields::numbers(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsArray()) fail(name, "an array of numbers");
  const auto array = member.As<Napi::Array>();
  std::vector<double> result;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsNumber()) fail(name, "an array of numbers");
    result.push_back(item.As<Napi::Number>().DoubleValue());
  }
  return result;
}

std::vector<double> Fields::doubles(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsTypedArray() || member.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    fail(name, "a Float64Array");
  }
  const auto array = member.As<Napi::Float64Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::map<std::string, std::string> Fields::string_map(const char* name) const {
  const Napi::Value member = value(name);
  if (!member.IsObject()) fail(name, "an object of strings");
  const auto object = member.As<Napi::Object>();
  const Napi::Array keys = object.GetPropertyNames();
  std::map<std::string, std::string> result;
  for (std::uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = keys.Get(i).As<Napi::String>().Utf8Value();
    const Napi::Value item = object.Get(key);
    if (!item.IsString()) fail(name, "an object of strings");
    result[key] = item.As<Napi::String>().Utf8Value();
  }
  return result;
}

const std::uint8_t* bytes_of(Napi::Value value, std::int64_t expected_length, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Error(ErrorCode::kOption, std::string(what) + " must be a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  if (static_cast<std::int64_t>(array.ByteLength()) != expected_length) {
    throw Error(ErrorCode::kShape, std::string(what) + " must have " + std::to_string(expected_length) +
                                       " bytes, received " + std::to_string(array.ByteLength()));
  }
  return array.Data();
}

}  // namespace wsss::binding
