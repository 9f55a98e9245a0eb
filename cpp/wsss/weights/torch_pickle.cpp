#include "wsss/weights/torch_pickle.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/remedy.h"
#include "wsss/weights/raw_tensor.h"
#include "wsss/weights/state_dict_search.h"
#include "wsss/weights/tensor_kinds.h"

namespace wsss {

namespace {

using Kind = PickleValue::Kind;

// Functions that make a tensor begin so, whatever its kind.
constexpr std::string_view kRebuild = "torch._utils._rebuild_";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor";
constexpr std::string_view kRebuildTensorV2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildTensorV3 = "torch._utils._rebuild_tensor_v3";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kRebuildParameterWithState = "torch._utils._rebuild_parameter_with_state";
// (function, subclass, its arguments, attributes): a tensor of a subclass, or with attributes of its own.
constexpr std::string_view kRebuildFromType = "torch._tensor._rebuild_from_type";

// A tensor in a call in a call; PyTorch writes two at most.
constexpr int kDeepestCall = 4;
// Tensors that share storage count each; more than this many bytes per byte of the file is an attack.
constexpr std::uint64_t kLargestExpansion = 8;
constexpr std::uint64_t kFreeBytes = 1 << 16;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostOtherKeys = 1000;
constexpr std::size_t kShownPlaces = 10;

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

/// The class of a storage, from its persistent id; empty if it is no such id.
std::string storage_class(const Pickle& pickle, const PickleValue& persistent_id) {
  if (!persistent_id.is(Kind::kPersistent)) return {};
  const auto& id = pickle.items(persistent_id)[0];
  if (!id.is(Kind::kTuple) || pickle.items(id).size() < 2) return {};
  return pickle.object_name(pickle.items(id)[1]);
}

/// Whether a tensor's metadata says that its values are to be read with another sign than they are stored.
bool is_lazy(const Pickle& pickle, const PickleValue& metadata) {
  const auto is_set = [&](std::string_view bit) {
    const PickleValue* found = pickle.find(metadata, bit);
    return found != nullptr && found->is(Kind::kBoolean) && found->integer != 0;
  };
  return metadata.is(Kind::kDictionary) && (is_set("neg") || is_set("conj"));
}

/// "model (314 tensors), model_ema (314 tensors)".
std::string listed(const StateDictSearch& search, const std::vector<StateDictPlace>& places) {
  std::string text;
  for (std::size_t i = 0; i < places.size() && i < kShownPlaces; ++i) {
    const std::string path = search.path_of(places[i]);
    text += (text.empty() ? "" : ", ") + (path.empty() ? "." : path) + " (" + std::to_string(places[i].tensors) +
            (places[i].tensors == 1 ? " tensor)" : " tensors)");
  }
  return places.size() > kShownPlaces ? text + " and more" : text;
}

Error several(const StateDictSearch& search, const std::vector<StateDictPlace>& places, std::string_view key) {
  std::vector<std::string> keys;
  for (const auto& place : places) {
    const std::string path = search.path_of(place);
    keys.push_back(path.empty() ? "." : path);
  }
  const std::string what = key.empty() ? "it holds several state dicts"
                                       : "the key " + std::string(key) + " leads to none of its state dicts";
  return Error(ErrorCode::kWeights, what + ": " + listed(search, places),
               {{"stateDicts", std::move(keys)}, {kRemedies, std::vector<std::string>{kChooseStateDict}}});
}

}  // namespace

c10::ScalarType element_type(std::string_view class_name) {
  const auto type = element_type_of(class_name);
  if (!type) throw broken("it has a storage of the unknown class " + std::string(class_name));
  return *type;
}

bool TorchTensors::is_tensor(const PickleValue& value) const {
  if (!value.is(Kind::kCall)) return false;
  const auto function = pickle_.items(value)[0].text();
  return function.starts_with(kRebuild) || function.starts_with(kRebuildFromType);
}

TorchTensors::Rebuild TorchTensors::innermost(const PickleValue& value) const {
  const auto parts_of = [&](const PickleValue& call) {
    const std::span<const PickleValue> items(pickle_.items(call));
    return Rebuild{items[0].text(), items.subspan(1)};
  };
  Rebuild call = parts_of(value);
  for (int depth = 0; depth < kDeepestCall; ++depth) {
    const auto& arguments = call.arguments;
    if (call.function.starts_with(kRebuildFromType)) {
      if (arguments.size() < 3 || !arguments[0].is(Kind::kGlobal) || !arguments[2].is(Kind::kTuple)) return {};
      call = {arguments[0].text(), pickle_.items(arguments[2])};
    } else if (call.function == kRebuildParameter || call.function == kRebuildParameterWithState) {
      if (arguments.empty() || !is_tensor(arguments[0])) return {};
      call = parts_of(arguments[0]);
    } else {
      return call;
    }
  }
  return {};
}

std::string TorchTensors::unread_kind(const PickleValue& value) const {
  const auto [function, arguments] = innermost(value);
  if (!function.starts_with(kRebuild)) return {};  // Whatever it is, tensor() refuses it.
  const std::string_view rest = function.substr(kRebuild.size());
  if (function == kRebuildTensorV3) {
    // Element types that have no storage class of their own.
    const std::string type = arguments.size() > 6 ? pickle_.object_name(arguments[6]) : "";
    return type.starts_with("torch.") ? type.substr(type.find('.') + 1) : "of an unknown element type";
  }
  if (rest.starts_with("sparse")) return "sparse";
  if (rest.starts_with("qtensor")) return "quantized";
  if (rest.starts_with("meta")) return "meta (it has no values)";
  if (rest.starts_with("nested")) return "nested";
  if (rest.starts_with("wrapper_subclass")) return "a wrapper without values of its own";
  if (rest.starts_with("device_tensor") || rest.starts_with("xla")) return "of a device that only PyTorch knows";
  if (arguments.empty()) return {};
  const auto type = element_type_of(storage_class(pickle_, arguments[0]));
  if (type && !is_read(*type)) return dtype_name(*type);
  const bool lazy = arguments.size() > 6 && is_lazy(pickle_, arguments[6]);
  return lazy ? "of values that are negated or conjugated when they are read" : "";
}

at::Tensor TorchTensors::tensor(const PickleValue& value, const std::string& name) const {
  const auto [function, arguments] = innermost(value);
  const bool plain = function == kRebuildTensor || function == kRebuildTensorV2;
  if (!plain || arguments.size() < 4 || !arguments[0].is(Kind::kPersistent) || !arguments[1].is(Kind::kInteger)) {
    throw broken("tensor " + name + " is not described as PyTorch does");
  }
  const at::Tensor storage = find_storage_(pickle_, arguments[0]);
  return strided_view(storage, integers(pickle_, arguments[2], name), integers(pickle_, arguments[3], name),
                      arguments[1].integer, name);
}

WeightFile state_dict_of(const Pickle& pickle, const PickledTensors& tensors, const WeightBytes& file) {
  const std::function<bool(const PickleValue&)> is_tensor = [&](const PickleValue& value) {
    return tensors.is_tensor(value);
  };
  StateDictSearch search(pickle, is_tensor);
  auto found = search.find(file.key);
  // A key that leads to no dictionary may begin the names of one, which is for the caller to see.
  if (found.empty() && !file.key.empty()) {
    found = search.find({});
    if (found.size() > 1) throw several(search, search.all(), file.key);
  }
  if (found.empty()) throw broken(search.what_it_holds());
  if (found.size() > 1) throw several(search, found, {});
  WeightFile result;
  result.found_under = search.path_of(found[0]);
  result.other_keys = search.keys_beside(found[0]);
  for (const auto& place : search.all()) result.state_dicts.push_back({search.path_of(place), place.tensors});
  result.skipped_objects.assign(pickle.foreign_objects().begin(), pickle.foreign_objects().end());
  std::uint64_t bytes = 0;
  std::unordered_map<std::string, std::size_t> places;
  const auto entries = pickle.entries(found[0].dictionary);
  for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
    const std::string name = key_text(entries[i]);
    if (!is_tensor(entries[i + 1])) {
      if (result.other_keys.size() < kMostOtherKeys) result.other_keys.push_back(name);
      continue;
    }
    if (result.tensors.size() + result.unread.size() == kMostTensors)
      throw broken("it holds more than 100,000 tensors");
    if (std::string kind = tensors.unread_kind(entries[i + 1]); !kind.empty()) {
      result.unread.push_back({name, std::move(kind)});
      continue;
    }
    at::Tensor value = tensors.tensor(entries[i + 1], name);
    bytes += value.nbytes();
    if (bytes > kLargestExpansion * file.bytes.size() + kFreeBytes) {
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
      pickle.object_name(fields[1]).empty() || !fields[2].is(Kind::kText) || !fields[4].is(Kind::kInteger) ||
      fields[4].integer < 0) {
    throw broken("a storage whose id is not as PyTorch writes it");
  }
  type = element_type(pickle.object_name(fields[1]));
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
