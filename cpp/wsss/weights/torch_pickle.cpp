#include "wsss/weights/torch_pickle.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/weights/raw_tensor.h"

namespace wsss {

namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor";
constexpr std::string_view kRebuildTensorV2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kRebuildParameterWithState = "torch._utils._rebuild_parameter_with_state";

// Where checkpoints keep the state dict, most telling first.
constexpr std::array<std::string_view, 8> kNests{"state_dict", "model_state_dict", "model",  "net",
                                                 "network",    "module",           "params", "weights"};
constexpr int kDeepestNest = 4;
// Tensors that share storage count each; more than this many bytes per byte of the file is an attack.
constexpr std::uint64_t kLargestExpansion = 8;
constexpr std::uint64_t kFreeBytes = 1 << 16;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostOtherKeys = 1000;
constexpr std::size_t kLongestKey = 1024;

Error broken(const std::string& what) { return Error(ErrorCode::kWeights, what); }

std::vector<std::int64_t> integers(const Pickle& pickle, const PickleValue& value, const std::string& name) {
  if (!value.is(Kind::kTuple) && !value.is(Kind::kList)) throw broken("tensor " + name + " has no shape");
  std::vector<std::int64_t> result;
  for (const auto& item : pickle.items(value)) {
    if (!item.is(Kind::kInteger)) throw broken("tensor " + name + " has an extent that is not a number");
    result.push_back(item.integer);
  }
  return result;
}

/// A few bytes can repeat a long key as often as they like, so no key may be long.
std::string_view checked_key(std::string_view key) {
  if (key.size() > kLongestKey) throw broken("it has a key of " + std::to_string(key.size()) + " bytes");
  return key;
}

std::string key_text(const PickleValue& key) {
  if (key.is(Kind::kText)) return std::string(checked_key(key.text()));
  if (key.is(Kind::kInteger)) return std::to_string(key.integer);
  return "?";
}

/// Looks for the dictionary that holds tensors.
class StateDictSearch {
 public:
  StateDictSearch(const Pickle& pickle, const std::function<bool(const PickleValue&)>& is_tensor)
      : pickle_(pickle), is_tensor_(is_tensor) {}

  struct Found {
    PickleValue dictionary;
    std::string path;
    std::vector<std::string> other_keys;
  };

  std::optional<Found> in(const PickleValue& value, const std::string& path, int depth) {
    // Once each: a dictionary may hold itself under every name.
    if (!value.is(Kind::kDictionary) || depth > kDeepestNest || !visited_.insert(value.node).second)
      return std::nullopt;
    if (holds_tensors(value)) return Found{value, path, {}};
    for (const auto nest : kNests) {
      const PickleValue* inner = pickle_.find(value, nest);
      if (inner == nullptr) continue;
      auto found = in(*inner, path.empty() ? std::string(nest) : path + "." + std::string(nest), depth + 1);
      if (!found) continue;
      for (auto& key : keys_of(value)) {
        if (key != nest) found->other_keys.push_back(std::move(key));
      }
      return found;
    }
    return std::nullopt;
  }

  std::vector<std::string> keys_of(const PickleValue& dictionary) const {
    std::vector<std::string> keys;
    const auto& items = pickle_.items(dictionary);
    for (std::size_t i = 0; i + 1 < items.size() && keys.size() < kMostOtherKeys; i += 2) {
      keys.push_back(key_text(items[i]));
    }
    return keys;
  }

 private:
  bool holds_tensors(const PickleValue& dictionary) const {
    const auto& items = pickle_.items(dictionary);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (is_tensor_(items[i + 1])) return true;
    }
    return false;
  }

  const Pickle& pickle_;
  const std::function<bool(const PickleValue&)>& is_tensor_;
  std::unordered_set<std::uint32_t> visited_;
};

std::string what_it_holds(const Pickle& pickle, const StateDictSearch& search) {
  if (!pickle.root().is(Kind::kDictionary)) return "it does not hold a dictionary";
  std::string keys;
  for (const auto& key : search.keys_of(pickle.root())) {
    keys += (keys.empty() ? "" : ", ") + key;
    if (keys.size() > 200) return "its keys are " + keys + ", ...";
  }
  return keys.empty() ? "it holds an empty dictionary" : "its keys are " + keys;
}

}  // namespace

c10::ScalarType element_type(std::string_view class_name) {
  static constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 9> kTypes{{{"Float", c10::kFloat},
                                                                                       {"Double", c10::kDouble},
                                                                                       {"Half", c10::kHalf},
                                                                                       {"BFloat16", c10::kBFloat16},
                                                                                       {"Long", c10::kLong},
                                                                                       {"Int", c10::kInt},
                                                                                       {"Short", c10::kShort},
                                                                                       {"Char", c10::kChar},
                                                                                       {"Byte", c10::kByte}}};
  const std::string_view short_name = class_name.substr(class_name.rfind('.') + 1);
  for (const auto& [prefix, type] : kTypes) {
    if (short_name.starts_with(prefix) &&
        (short_name == std::string(prefix) + "Storage" || short_name == std::string(prefix) + "Tensor")) {
      return type;
    }
  }
  if (short_name == "BoolStorage") return c10::kBool;
  throw broken("it has a storage of the unknown class " + std::string(class_name));
}

bool TorchTensors::is_tensor(const PickleValue& value) const {
  if (!value.is(Kind::kCall)) return false;
  const auto name = pickle_.items(value)[0].text();
  return name == kRebuildTensor || name == kRebuildTensorV2 || name == kRebuildParameter ||
         name == kRebuildParameterWithState;
}

at::Tensor TorchTensors::tensor(const PickleValue& value, const std::string& name) const {
  const PickleValue* call = &value;
  // A parameter is a tensor in one more call; more than one is not what PyTorch writes.
  const auto callee = pickle_.items(value)[0].text();
  if (callee == kRebuildParameter || callee == kRebuildParameterWithState) {
    const auto& items = pickle_.items(value);
    if (items.size() < 2 || !is_tensor(items[1])) throw broken("parameter " + name + " holds no tensor");
    call = &items[1];
  }
  const auto& items = pickle_.items(*call);
  const bool plain = items[0].text() == kRebuildTensor || items[0].text() == kRebuildTensorV2;
  if (!plain || items.size() < 5 || !items[1].is(Kind::kPersistent) || !items[2].is(Kind::kInteger)) {
    throw broken("tensor " + name + " is not described as PyTorch does");
  }
  const at::Tensor storage = find_storage_(pickle_, items[1]);
  return strided_view(storage, integers(pickle_, items[3], name), integers(pickle_, items[4], name), items[2].integer,
                      name);
}

WeightFile state_dict_of(const Pickle& pickle, const std::function<bool(const PickleValue&)>& is_tensor,
                         const std::function<at::Tensor(const PickleValue&, const std::string&)>& tensor,
                         std::size_t file_size) {
  StateDictSearch search(pickle, is_tensor);
  const auto found = search.in(pickle.root(), "", 0);
  if (!found) throw broken("no state dict was found in it: " + what_it_holds(pickle, search));
  WeightFile result;
  result.found_under = found->path;
  result.other_keys = found->other_keys;
  std::uint64_t bytes = 0;
  std::unordered_map<std::string, std::size_t> places;
  const auto& items = pickle.items(found->dictionary);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::string name = key_text(items[i]);
    if (!is_tensor(items[i + 1])) {
      if (result.other_keys.size() < kMostOtherKeys) result.other_keys.push_back(name);
      continue;
    }
    if (result.tensors.size() == kMostTensors) throw broken("it holds more than 100,000 tensors");
    at::Tensor value = tensor(items[i + 1], name);
    bytes += value.nbytes();
    if (bytes > kLargestExpansion * file_size + kFreeBytes) {
      throw broken("its tensors claim many times the size of the file");
    }
    // As in Python, the last of two equal keys counts.
    const auto [place, is_new] = places.emplace(name, result.tensors.size());
    if (is_new) {
      result.tensors.emplace_back(name, std::move(value));
    } else {
      result.tensors[place->second].second = std::move(value);
    }
  }
  return result;
}

StorageId::StorageId(const Pickle& pickle, const PickleValue& persistent_id) : count(0), view(nullptr) {
  const auto& id = pickle.items(persistent_id)[0];
  if (!id.is(Kind::kTuple)) throw broken("a storage without an id");
  const auto& fields = pickle.items(id);
  if (fields.size() < 5 || !fields[0].is(Kind::kText) || fields[0].text() != "storage" ||
      !fields[1].is(Kind::kGlobal) || !fields[2].is(Kind::kText) || !fields[4].is(Kind::kInteger) ||
      fields[4].integer < 0) {
    throw broken("a storage whose id is not as PyTorch writes it");
  }
  type = element_type(fields[1].text());
  key = checked_key(fields[2].text());
  count = static_cast<std::uint64_t>(fields[4].integer);
  if (fields.size() > 5 && !fields[5].is(Kind::kNone)) view = &fields[5];
}

const at::Tensor& same_storage(const at::Tensor& storage, const StorageId& id) {
  if (storage.scalar_type() != id.type) throw broken("storage " + std::string(id.key) + " has two types");
  if (static_cast<std::uint64_t>(storage.numel()) != id.count) {
    throw broken("storage " + std::string(id.key) + " does not have the size that it should have");
  }
  return storage;
}

}  // namespace wsss
