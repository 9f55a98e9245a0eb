// A small JSON parser for the headers of weight files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsss {

struct JsonMember;

/// A JSON value, for the headers of weight files. Those who read them refuse numbers that are not integers of at most
/// 53 bits, so a double holds every number exactly.
struct Json {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0.0;
  std::string string;
  std::vector<Json> array;
  std::vector<JsonMember> object;  ///< In file order; a name twice is refused.
};

/// One member of a JSON object.
struct JsonMember {
  std::string name;
  Json value;
};

/// Parses strict JSON (RFC 8259), nested at most 16 deep.
///
/// @throws Error  kWeights with the byte position.
Json parse_json(std::string_view text);

/// A string with its quotes and escapes.
std::string json_string(std::string_view text);

}  // namespace wsss
