// A reader of Python pickles that never executes anything.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wsss/weights/byte_reader.h"

namespace wsss {

/// One value of a pickle. Small and copied freely: text points into the file, containers into the Pickle they belong
/// to.
struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBoolean,
    kInteger,
    kFloat,
    kText,   ///< Also byte strings, and integers of more than 64 bits as their bytes.
    kTuple,  ///< Items of a node.
    kList,
    kDictionary,  ///< Items of a node: key, value, key, value, ...
    kGlobal,      ///< The name of an allowed Python object, "module.name".
    kCall,        ///< Items of a node: the global, then its arguments. Never executed.
    kPersistent,  ///< Items of a node: one, the persistent id.
    kOpaque,      ///< Something allowed that nothing here needs, such as a NumPy scalar.
    /// A Python class or function that no weights need, or what a call of one would give. Items of a node: module and
    /// name, then what was set in it as in a dictionary: key, value, ... Never executed, never built.
    kForeign,
    kMark,
  };

  Kind kind = Kind::kNone;
  std::uint32_t length = 0;  ///< Of a text.
  union {
    std::int64_t integer = 0;  ///< Also booleans.
    double number;
    const char* characters;
    std::uint32_t node;
  };

  /// A value that points to text, which must outlive it; of less than 4 GB.
  static PickleValue of_text(Kind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.length = static_cast<std::uint32_t>(text.size());
    value.characters = text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage): length goes along
    return value;
  }

  bool is(Kind wanted) const { return kind == wanted; }
  std::string_view text() const { return {characters, length}; }
};

/// The values of one pickle.
class Pickle {
 public:
  using Value = PickleValue;

  /// Reads one pickle, to its STOP, without executing anything: opcodes of protocol 2 and later that build plain
  /// values, and calls of a few known Python objects, which are only noted down. All other objects are skipped and
  /// named in foreign_objects().
  ///
  /// @throws Error  kWeights for a broken pickle, for an opcode that none of these needs, and for a Python object that
  ///                could only be there to run programs or code, which is named.
  static Pickle read(ByteReader& in);

  const Value& root() const { return root_; }
  const std::vector<Value>& items(const Value& container) const { return nodes_[container.node]; }

  /// Keys and values in turn, of a dictionary or of a foreign object that has some; empty for other values.
  std::span<const Value> entries(const Value& value) const;

  /// The value of a text key in a dictionary, the last one if it stands there more than once; null if there is none.
  const Value* find(const Value& dictionary, std::string_view key) const;

  /// "module.name" of a Python object, fit for a message; empty for other values.
  std::string object_name(const Value& value) const;

  /// Names of the Python objects that were skipped, the first hundred of them.
  const std::set<std::string>& foreign_objects() const { return foreign_objects_; }

  /// Every persistent id, in the order in which they were built.
  const std::vector<Value>& persistent_ids() const { return persistent_ids_; }

 private:
  friend class PickleMachine;

  Value root_;
  std::deque<std::vector<Value>> nodes_;
  std::vector<Value> persistent_ids_;
  std::set<std::string> foreign_objects_;
};

}  // namespace wsss
