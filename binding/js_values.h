// Small helpers that make JavaScript arrays and set numbers in JavaScript objects.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wsss::binding {

inline Napi::Array to_array(Napi::Env env, const std::vector<double>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) array.Set(i, values[i]);
  return array;
}

inline Napi::Array to_array(Napi::Env env, const std::vector<std::string>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) array.Set(i, values[i]);
  return array;
}

inline void set(Napi::Object object, const char* name, std::int64_t value) {
  object.Set(name, static_cast<double>(value));
}
inline void set(Napi::Object object, const char* name, double value) { object.Set(name, value); }

}  // namespace wsss::binding
