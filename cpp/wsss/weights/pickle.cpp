#include "wsss/weights/pickle.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "wsss/weights/pickle_globals.h"
#include "wsss/weights/pickle_numbers.h"
#include "wsss/weights/pickle_opcodes.h"

namespace wsss {

namespace {

using namespace pickle_opcode;  // NOLINT(google-build-using-namespace)
using Value = PickleValue;
using Kind = PickleValue::Kind;

Value without_content(Kind kind) {
  Value value;
  value.kind = kind;
  return value;
}

}  // namespace

/// The stack machine of the pickle format, without the part that calls Python.
class PickleMachine {
 public:
  explicit PickleMachine(ByteReader& in) : in_(in), bytes_(in.remaining()) {}

  Pickle run() {
    while (true) {
      const std::size_t at = in_.position();
      const auto opcode = in_.read<std::uint8_t>();
      if (opcode == kStop) break;
      if (!step(opcode)) {
        throw Error(ErrorCode::kWeights, "its pickle has the opcode " + std::to_string(opcode) + " at byte " +
                                             std::to_string(at) + ", which no weight file needs; it was not executed");
      }
    }
    result_.root_ = pop();
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kWeights, "its pickle is broken at byte " + std::to_string(in_.position()) + ": " + what);
  }

  // One case per opcode is how the format is defined.
  bool step(std::uint8_t opcode) {  // NOLINT(readability-function-size)
    switch (opcode) {
      case kProto:
      case kFrame:
        in_.take(opcode == kProto ? sizeof(std::uint8_t) : sizeof(std::uint64_t));
        return true;
      case kMarkOp:
        push(without_content(Kind::kMark));
        return true;
      case kPop:
        pop_any();
        return true;
      case kPopMark:
        pop_to_mark();
        return true;
      case kDup:
        push(top());
        return true;
      case kNoneOp:
        push({});
        return true;
      case kNewTrue:
      case kNewFalse:
        push({.kind = Kind::kBoolean, .integer = opcode == kNewTrue ? 1 : 0});
        return true;
      case kBinInt:
        push_integer(in_.read<std::int32_t>());
        return true;
      case kBinInt1:
      case kBinInt2:
        push_integer(opcode == kBinInt1 ? in_.read<std::uint8_t>() : in_.read<std::uint16_t>());
        return true;
      case kLong1:
      case kLong4:
        push_long(in_.text(opcode == kLong1 ? in_.read<std::uint8_t>() : in_.read<std::uint32_t>()));
        return true;
      case kBinFloat:
        push({.kind = Kind::kFloat, .number = big_endian_double(in_.take(sizeof(double)))});
        return true;
      case kShortBinString:
      case kShortBinUnicode:
      case kShortBinBytes:
        push_text(in_.text(in_.read<std::uint8_t>()));
        return true;
      case kBinString:
      case kBinUnicode:
      case kBinBytes:
        push_text(in_.text(in_.read<std::uint32_t>()));
        return true;
      case kBinUnicode8:
      case kBinBytes8:
        push_text(in_.text(in_.read<std::uint64_t>()));
        return true;
      case kEmptyTuple:
        push_node(Kind::kTuple, {});
        return true;
      case kTupleOp:
        push_node(Kind::kTuple, pop_to_mark());
        return true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        push_node(Kind::kTuple, pop_last(opcode - kTuple1 + 1U));
        return true;
      case kEmptyList:
      case kEmptyDict:
        push_node(opcode == kEmptyList ? Kind::kList : Kind::kDictionary, {});
        return true;
      case kListOp:
        push_node(Kind::kList, pop_to_mark());
        return true;
      case kAppend:
        append(pop_last(1));
        return true;
      case kAppends:
        append(pop_to_mark());
        return true;
      case kDictOp:
        push_node(Kind::kDictionary, pairs(pop_to_mark()));
        return true;
      case kSetItem:
        set_items(pop_last(2));
        return true;
      case kSetItems:
        set_items(pop_to_mark());
        return true;
      case kGlobalOp: {
        const std::string_view module = in_.line();
        push_global(module, in_.line());
        return true;
      }
      case kStackGlobal: {
        const auto names = pop_last(2);
        if (!names[0].is(Kind::kText) || !names[1].is(Kind::kText)) fail("a Python object without a name");
        push_global(names[0].text(), names[1].text());
        return true;
      }
      case kReduce:
      case kNewObj:
        call(opcode);
        return true;
      case kBuild:
        build();
        return true;
      case kBinPut:
      case kLongBinPut:
        note(opcode == kBinPut ? in_.read<std::uint8_t>() : in_.read<std::uint32_t>());
        return true;
      case kMemoize:
        note(static_cast<std::uint32_t>(memo_.size()));
        return true;
      case kBinGet:
      case kLongBinGet:
        push_memo(opcode == kBinGet ? in_.read<std::uint8_t>() : in_.read<std::uint32_t>());
        return true;
      case kBinPersId:
        push_node(Kind::kPersistent, pop_last(1));
        result_.persistent_ids_.push_back(top());
        return true;
      default:
        return false;
    }
  }

  void push(const Value& value) { stack_.push_back(value); }

  void push_integer(std::int64_t number) { push({.kind = Kind::kInteger, .integer = number}); }

  void push_text(std::string_view text) {
    // Longer than any pickle of a weight file; a length of 32 bits keeps values small.
    if (text.size() > UINT32_MAX) fail("a text of 4 GB and more");
    push(PickleValue::of_text(Kind::kText, text));
  }

  void push_long(std::string_view bytes) {
    if (bytes.size() > sizeof(std::int64_t)) return push_text(bytes);
    push_integer(little_endian_integer(bytes));
  }

  void push_node(Kind kind, std::vector<Value> items) {
    // Opcodes of one byte could make a container each, or copy a large one again and again: memory stays within a small
    // factor of the pickle, which plain tensors never come near.
    items_ += items.size();
    if (result_.nodes_.size() > bytes_ / 4 + kFreeValues || items_ > 4 * bytes_ + kFreeValues) fail("too many values");
    push({.kind = kind, .node = static_cast<std::uint32_t>(result_.nodes_.size())});
    result_.nodes_.push_back(std::move(items));
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string full = std::string(module) + "." + std::string(name);
    const AllowedGlobal* allowed = find_allowed_global(full);
    if (allowed == nullptr) throw forbidden_global(full);
    push(PickleValue::of_text(Kind::kGlobal, allowed->name));
  }

  void push_memo(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("value " + std::to_string(index) + " was never noted");
    push(found->second);
  }

  const Value& top() const {
    if (stack_.empty() || stack_.back().is(Kind::kMark)) fail("a value is missing");
    return stack_.back();
  }

  Value pop() {
    const Value value = top();
    stack_.pop_back();
    return value;
  }

  void pop_any() {
    if (stack_.empty()) fail("a value is missing");
    stack_.pop_back();
  }

  std::vector<Value> pop_last(std::size_t count) {
    std::vector<Value> values(count);
    for (std::size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  std::vector<Value> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && !stack_[mark - 1].is(Kind::kMark)) --mark;
    if (mark == 0) fail("a mark is missing");
    std::vector<Value> values(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return values;
  }

  std::vector<Value>& items_of(const Value& value) { return result_.nodes_[value.node]; }

  void append(const std::vector<Value>& values) {
    const Value target = top();
    if (target.is(Kind::kOpaque)) return;
    if (!target.is(Kind::kList)) fail("items for something that is not a list");
    auto& items = items_of(target);
    items.insert(items.end(), values.begin(), values.end());
  }

  std::vector<Value> pairs(std::vector<Value> values) const {
    if (values.size() % 2 != 0) fail("a key without a value");
    return values;
  }

  void set_items(const std::vector<Value>& values) {
    const Value target = top();
    if (!target.is(Kind::kDictionary)) fail("items for something that is not a dictionary");
    auto& items = items_of(target);
    const auto added = pairs(values);
    items.insert(items.end(), added.begin(), added.end());
  }

  void call(std::uint8_t opcode) {
    const auto operands = pop_last(2);
    const Value callable = operands[0];
    const Value arguments = operands[1];
    if (!arguments.is(Kind::kTuple)) fail("a call without arguments");
    if (!callable.is(Kind::kGlobal)) fail("a call of something that is not a Python object");
    const AllowedGlobal* allowed = find_allowed_global(callable.text());
    const CallMeaning meaning =
        opcode == kNewObj && allowed->meaning != CallMeaning::kDictionary ? CallMeaning::kNever : allowed->meaning;
    switch (meaning) {
      case CallMeaning::kDictionary:
        return push_node(Kind::kDictionary, pairs_of_pairs(arguments));
      case CallMeaning::kTuple:
        if (items_of(arguments).size() != 1) fail("torch.Size without its sizes");
        return push(items_of(arguments)[0]);
      case CallMeaning::kCall: {
        if (items_of(arguments).size() > kMostArguments) fail("a call with too many arguments");
        std::vector<Value> items{callable};
        items.insert(items.end(), items_of(arguments).begin(), items_of(arguments).end());
        return push_node(Kind::kCall, std::move(items));
      }
      case CallMeaning::kOpaque:
        return push(without_content(Kind::kOpaque));
      case CallMeaning::kNever:
        fail("a call of " + std::string(allowed->name));
    }
  }

  /// Python 2 wrote OrderedDict([[key, value], ...]); Python 3 sets items afterwards.
  std::vector<Value> pairs_of_pairs(const Value& arguments) {
    const auto& given = items_of(arguments);
    std::vector<Value> items;
    if (given.empty() || !given[0].is(Kind::kList)) return items;
    for (const Value& pair : items_of(given[0])) {
      if (!(pair.is(Kind::kList) || pair.is(Kind::kTuple)) || items_of(pair).size() != 2) fail("a pair that is none");
      items.insert(items.end(), items_of(pair).begin(), items_of(pair).end());
    }
    return items;
  }

  /// Attributes, such as a state dict's _metadata: nothing here reads them.
  void build() {
    pop();
    const Kind kind = top().kind;
    if (kind != Kind::kDictionary && kind != Kind::kOpaque && kind != Kind::kCall) {
      fail("attributes for something that has none");
    }
  }

  void note(std::uint32_t index) {
    if (memo_.size() > bytes_ / 2 + kFreeValues) fail("too many noted values");
    memo_[index] = top();
  }

  static constexpr std::size_t kFreeValues = 4096;
  static constexpr std::size_t kMostArguments = 16;

  ByteReader& in_;
  std::size_t bytes_;      ///< Of the pickle and what follows it.
  std::size_t items_ = 0;  ///< In all containers together.
  Pickle result_;
  std::vector<Value> stack_;
  std::unordered_map<std::uint32_t, Value> memo_;
};

Pickle Pickle::read(ByteReader& in) { return PickleMachine(in).run(); }

const PickleValue* Pickle::find(const Value& dictionary, std::string_view key) const {
  const auto& items = nodes_[dictionary.node];
  for (std::size_t i = items.size(); i >= 2; i -= 2) {
    if (items[i - 2].is(Kind::kText) && items[i - 2].text() == key) return &items[i - 1];
  }
  return nullptr;
}

}  // namespace wsss
