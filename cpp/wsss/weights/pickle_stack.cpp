#include "wsss/weights/pickle_stack.h"

#include "wsss/core/error.h"

namespace wsss {

using Kind = PickleValue::Kind;

void PickleStack::fail(const std::string& what) const {
  throw Error(ErrorCode::kWeights, "its pickle is broken at byte " + std::to_string(in_.position()) + ": " + what);
}

void PickleStack::push_mark() {
  PickleValue mark;
  mark.kind = Kind::kMark;
  values_.push_back(mark);
}

const PickleValue& PickleStack::top() const {
  if (values_.empty() || values_.back().is(Kind::kMark)) fail("a value is missing");
  return values_.back();
}

PickleValue PickleStack::pop() {
  const PickleValue value = top();
  values_.pop_back();
  return value;
}

void PickleStack::pop_any() {
  if (values_.empty()) fail("a value is missing");
  values_.pop_back();
}

std::vector<PickleValue> PickleStack::pop_last(std::size_t count) {
  std::vector<PickleValue> values(count);
  for (std::size_t i = count; i-- > 0;) values[i] = pop();
  return values;
}

std::vector<PickleValue> PickleStack::pop_to_mark() {
  std::size_t mark = values_.size();
  while (mark > 0 && !values_[mark - 1].is(Kind::kMark)) --mark;
  if (mark == 0) fail("a mark is missing");
  std::vector<PickleValue> values(values_.begin() + static_cast<std::ptrdiff_t>(mark), values_.end());
  values_.resize(mark - 1);
  return values;
}

void PickleStack::note(std::uint32_t index) {
  if (noted_.size() > bytes_ / 2 + kFreeValues) fail("too many noted values");
  noted_[index] = top();
}

void PickleStack::push_noted(std::uint32_t index) {
  const auto found = noted_.find(index);
  if (found == noted_.end()) fail("value " + std::to_string(index) + " was never noted");
  push(found->second);
}

}  // namespace wsss
