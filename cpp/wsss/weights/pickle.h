#pragma once

#include <cstdint>
#include <deque>
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
  /// values, and calls of a few allowed Python objects, which are only noted down.
  ///
  /// @throws Error  kWeights for a broken pickle, and for an opcode or a Python object that is not allowed, which is
  /// named.
  static Pickle read(ByteReader& in);

  const Value& root() const { return root_; }
  const std::vector<Value>& items(const Value& container) const { return nodes_[container.node]; }

  /// The value of a text key in a dictionary, the last one if it stands there more than once; null if there is none.
  const Value* find(const Value& dictionary, std::string_view key) const;

  /// Every persistent id, in the order in which they were built.
  const std::vector<Value>& persistent_ids() const { return persistent_ids_; }

 private:
  friend class PickleMachine;

  Value root_;
  std::deque<std::vector<Value>> nodes_;
  std::vector<Value> persistent_ids_;
};

}  // namespace wsss
