// How the values of a pickle are looked at.

#include <string>

#include "wsss/weights/pickle.h"
#include "wsss/weights/pickle_globals.h"

namespace wsss {

namespace {
constexpr std::size_t kNameItems = 2;  // module and name
}

std::span<const PickleValue> Pickle::entries(const Value& value) const {
  if (value.is(Value::Kind::kDictionary)) return nodes_[value.node];
  if (value.is(Value::Kind::kForeign)) return std::span<const Value>(nodes_[value.node]).subspan(kNameItems);
  return {};
}

std::string Pickle::object_name(const Value& value) const {
  if (value.is(Value::Kind::kGlobal)) return std::string(value.text());
  if (!value.is(Value::Kind::kForeign)) return {};
  const auto& items = nodes_[value.node];
  return printable(std::string(items[0].text()) + "." + std::string(items[1].text()));
}

const PickleValue* Pickle::find(const Value& dictionary, std::string_view key) const {
  const auto items = entries(dictionary);
  for (std::size_t i = items.size(); i >= 2; i -= 2) {
    if (items[i - 2].is(Value::Kind::kText) && items[i - 2].text() == key) return &items[i - 1];
  }
  return nullptr;
}

}  // namespace wsss
