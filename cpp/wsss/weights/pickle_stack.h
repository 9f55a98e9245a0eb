// The stack and memo of the pickle reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "wsss/weights/pickle.h"

namespace wsss {

/// The stack of a pickle, and the values that it has noted for later.
class PickleStack {
 public:
  /// @param in     where the pickle is read, for messages.
  /// @param bytes  how many the pickle has with all that follows it, which bounds how many values may be noted.
  PickleStack(const ByteReader& in, std::size_t bytes) : in_(in), bytes_(bytes) {}

  [[noreturn]] void fail(const std::string& what) const;

  void push(const PickleValue& value) { values_.push_back(value); }
  void push_mark();
  const PickleValue& top() const;
  PickleValue pop();
  /// As pop(), but takes a mark too.
  void pop_any();
  std::vector<PickleValue> pop_last(std::size_t count);
  std::vector<PickleValue> pop_to_mark();

  void note(std::uint32_t index);
  void note_next() { note(static_cast<std::uint32_t>(noted_.size())); }
  void push_noted(std::uint32_t index);

  /// Values that any pickle may have, however short it is.
  static constexpr std::size_t kFreeValues = 4096;

 private:
  const ByteReader& in_;
  std::size_t bytes_;
  std::vector<PickleValue> values_;
  std::unordered_map<std::uint32_t, PickleValue> noted_;
};

}  // namespace wsss
