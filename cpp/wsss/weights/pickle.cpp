#include "wsss/weights/pickle.h"

#include <string>
#include <utility>

#include "wsss/weights/pickle_globals.h"
#include "wsss/weights/pickle_numbers.h"
#include "wsss/weights/pickle_opcodes.h"
#include "wsss/weights/pickle_stack.h"

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
class PickleMachine : private PickleStack {
 public:
  explicit PickleMachine(ByteReader& in) : PickleStack(in, in.remaining()), in_(in), bytes_(in.remaining()) {}

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
  // One case per opcode is how the format is defined.
  bool step(std::uint8_t opcode) {  // NOLINT(readability-function-size)
    switch (opcode) {
      case kProto:
      case kFrame:
        in_.take(opcode == kProto ? sizeof(std::uint8_t) : sizeof(std::uint64_t));
        return true;
      case kMarkOp:
        push_mark();
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
      case kByteArray8:
        push_text(in_.text(in_.read<std::uint64_t>()));
        return true;
      case kEmptyTuple:
        push_empty_tuple();
        return true;
      case kEmptySet:
        push(without_content(Kind::kOpaque));
        return true;
      case kFrozenSet:
        pop_to_mark();
        push(without_content(Kind::kOpaque));
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
      case kAddItems:
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
      case kNewObjEx:
        pop();  // Arguments by name, which nothing that is read here has.
        call(opcode);
        return true;
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
        note_next();
        return true;
      case kBinGet:
      case kLongBinGet:
        push_noted(opcode == kBinGet ? in_.read<std::uint8_t>() : in_.read<std::uint32_t>());
        return true;
      case kBinPersId:
        push_node(Kind::kPersistent, pop_last(1));
        result_.persistent_ids_.push_back(top());
        return true;
      default:
        return false;
    }
  }

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

  /// All empty tuples are one: they are of one byte each, and nobody adds to them.
  void push_empty_tuple() {
    if (!empty_tuple_.is(Kind::kTuple)) {
      push_node(Kind::kTuple, {});
      empty_tuple_ = top();
    } else {
      push(empty_tuple_);
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    if (module.size() > kLongestName || name.size() > kLongestName) fail("a Python object with an endless name");
    const std::string full = std::string(module) + "." + std::string(name);
    if (const AllowedGlobal* allowed = find_allowed_global(full)) {
      push(PickleValue::of_text(Kind::kGlobal, allowed->name));
      return;
    }
    if (is_attack(module, name)) throw forbidden_global(full);
    push_node(Kind::kForeign, {PickleValue::of_text(Kind::kText, module), PickleValue::of_text(Kind::kText, name)});
    if (result_.foreign_objects_.size() < kMostForeign && !is_plain(module, name)) {
      result_.foreign_objects_.insert(printable(full));
    }
  }

  std::vector<Value>& items_of(const Value& value) { return result_.nodes_[value.node]; }

  void append(const std::vector<Value>& values) {
    const Value target = top();
    if (target.is(Kind::kOpaque) || target.is(Kind::kForeign)) return;
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
    if (target.is(Kind::kOpaque)) return;
    if (!target.is(Kind::kDictionary) && !target.is(Kind::kForeign))
      fail("items for something that is not a dictionary");
    auto& items = items_of(target);
    const auto added = pairs(values);
    items.insert(items.end(), added.begin(), added.end());
  }

  void call(std::uint8_t opcode) {
    const auto operands = pop_last(2);
    const Value callable = operands[0];
    const Value arguments = operands[1];
    if (!arguments.is(Kind::kTuple)) fail("a call without arguments");
    // What is skipped stays so, whatever is done with it.
    if (callable.is(Kind::kForeign)) return push_node(Kind::kForeign, {items_of(callable)[0], items_of(callable)[1]});
    if (callable.is(Kind::kOpaque)) return push(callable);
    if (!callable.is(Kind::kGlobal)) fail("a call of something that is not a Python object");
    const AllowedGlobal* allowed = find_allowed_global(callable.text());
    const bool is_plain = opcode == kReduce || allowed->meaning == CallMeaning::kDictionary;
    const CallMeaning meaning = is_plain ? allowed->meaning : CallMeaning::kOpaque;
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
    const bool has_attributes =
        kind == Kind::kDictionary || kind == Kind::kOpaque || kind == Kind::kCall || kind == Kind::kForeign;
    if (!has_attributes) {
      fail("attributes for something that has none");
    }
  }

  static constexpr std::size_t kMostArguments = 16;
  static constexpr std::size_t kMostForeign = 100;
  static constexpr std::size_t kLongestName = 256;

  ByteReader& in_;
  std::size_t bytes_;      ///< Of the pickle and what follows it.
  std::size_t items_ = 0;  ///< In all containers together.
  Pickle result_;
  Value empty_tuple_;
};

Pickle Pickle::read(ByteReader& in) { return PickleMachine(in).run(); }

}  // namespace wsss
