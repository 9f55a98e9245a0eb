// Checked reading of JavaScript option objects and byte arrays.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wsss::binding {

/// Reads the members of an options object that lib has completed and checked. A member that is missing or of another
/// type is a defect of lib and ends in a kOption error that names it, never in a crash.
class Fields {
 public:
  /// @throws Error kOption if the value is not an object.
  Fields(Napi::Value value, const char* where);

  double number(const char* name) const;
  std::int64_t integer(const char* name) const;
  std::uint64_t seed(const char* name) const;
  bool boolean(const char* name) const;
  std::string string(const char* name) const;
  std::vector<std::string> strings(const char* name) const;
  std::vector<double> numbers(const char* name) const;
  /// Of a Float64Array, for lists of any length.
  std::vector<double> doubles(const char* name) const;
  std::map<std::string, std::string> string_map(const char* name) const;
  Napi::Value value(const char* name) const;

 private:
  [[noreturn]] void fail(const char* name, const char* expected) const;

  Napi::Object object_;
  const char* where_;
};

/// Bytes of a Uint8Array (a Buffer is one).
///
/// @throws Error kOption if the value is something else; kShape if it has another length.
const std::uint8_t* bytes_of(Napi::Value value, std::int64_t expected_length, const char* what);

}  // namespace wsss::binding
