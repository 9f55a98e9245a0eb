#include "wsss/weights/state_dict_search.h"

#include <algorithm>
#include <array>

#include "wsss/core/error.h"
#include "wsss/weights/pickle_globals.h"

namespace wsss {

namespace {

using Kind = PickleValue::Kind;

// Where checkpoints keep the state dict, most telling first.
constexpr std::array<std::string_view, 9> kNests{"state_dict", "model_state_dict", "model",  "model_state", "net",
                                                 "network",    "module",           "params", "weights"};
// Keys of what trainers save beside it, which may hold tensors too.
constexpr std::array<std::string_view, 6> kNotWeights{"optim",  "scheduler", "lr_scheduler",
                                                      "scaler", "callbacks", "loops"};
constexpr std::size_t kDeepestNest = 6;
constexpr std::size_t kMostPlaces = 64;
constexpr std::size_t kMostKeys = 1000;
constexpr std::size_t kLongestKey = 1024;
constexpr std::size_t kShownBytes = 200;

bool is_beside_weights(std::string_view key) {
  return std::any_of(kNotWeights.begin(), kNotWeights.end(),
                     [&](std::string_view start) { return key.starts_with(start); });
}

/// Those that are not much smaller than the largest: a head of its own or a few statistics are no rivals of a network.
std::vector<StateDictPlace> largest(std::vector<StateDictPlace> places) {
  std::size_t most = 0;
  for (const auto& place : places) most = std::max(most, place.tensors);
  std::erase_if(places, [&](const auto& place) { return 2 * place.tensors < most; });
  return places;
}

}  // namespace

std::string_view checked_key(std::string_view key) {
  if (key.size() > kLongestKey) {
    throw Error(ErrorCode::kWeights, "it has a key of " + std::to_string(key.size()) + " bytes");
  }
  return key;
}

std::string key_text(const PickleValue& key) {
  if (key.is(Kind::kText)) return std::string(checked_key(key.text()));
  if (key.is(Kind::kInteger)) return std::to_string(key.integer);
  return "?";
}

std::vector<StateDictPlace> StateDictSearch::find(std::string_view key) {
  visited_.clear();
  if (key.empty()) return in(pickle_.root(), {});
  if (key == ".") {
    const std::size_t own = tensors_in(pickle_.root());
    return own == 0 ? std::vector<StateDictPlace>{} : std::vector<StateDictPlace>{{pickle_.root(), own, {}}};
  }
  return at(pickle_.root(), key, {});
}

std::vector<StateDictPlace> StateDictSearch::all() {
  visited_.clear();
  std::vector<StateDictPlace> places;
  collect(pickle_.root(), {}, places);
  return places;
}

std::vector<StateDictPlace> StateDictSearch::in(const PickleValue& value, const Way& way) {
  if (!enters(value, way)) return {};
  const std::size_t own = tensors_in(value);
  std::vector<StateDictPlace> all;
  const auto look_in = [&](std::size_t item) {
    Way longer = way;
    longer.push_back({value, item});
    return in(child(value, item), longer);
  };
  if (!pickle_.entries(value).empty()) {
    for (const auto nest : kNests) {
      for (std::size_t item = size_of(value); item-- > 0;) {
        if (text_key(value, item) != nest) continue;
        auto found = look_in(item);
        // A network may have a layer of that name, with fewer tensors than the whole.
        if (found.size() > 1 || (found.size() == 1 && found[0].tensors >= own)) return found;
        all.insert(all.end(), found.begin(), found.end());
        break;
      }
    }
  }
  for (std::size_t item = 0; item < size_of(value); ++item) {
    if (size_of(child(value, item)) == 0 || is_beside_weights(text_key(value, item))) continue;
    const auto found = look_in(item);
    all.insert(all.end(), found.begin(), found.end());
  }
  // Tensors at this level are a network with something beside its layers, or what lies beside one: whichever has more.
  const bool is_it = std::all_of(all.begin(), all.end(), [&](const auto& place) { return place.tensors < own; });
  if (own > 0 && is_it) return {{value, own, way}};
  return largest(std::move(all));
}

void StateDictSearch::collect(const PickleValue& value, const Way& way, std::vector<StateDictPlace>& out) {
  if (!enters(value, way) || out.size() >= kMostPlaces) return;
  const std::size_t own = tensors_in(value);
  if (own > 0) out.push_back({value, own, way});
  for (std::size_t item = 0; item < size_of(value); ++item) {
    if (size_of(child(value, item)) == 0 || is_beside_weights(text_key(value, item))) continue;
    Way longer = way;
    longer.push_back({value, item});
    collect(child(value, item), longer, out);
  }
}

std::vector<StateDictPlace> StateDictSearch::at(const PickleValue& value, std::string_view key, const Way& way) {
  if (way.size() > kDeepestNest) return {};
  // Keys may have dots themselves, so every part of the path from its start on may be one.
  for (std::size_t end = key.find('.');; end = key.find('.', end + 1)) {
    const std::string_view first = key.substr(0, end);
    for (std::size_t item = size_of(value); item-- > 0;) {
      if (key_of(value, item) != first) continue;
      Way longer = way;
      longer.push_back({value, item});
      const bool is_last = end == std::string_view::npos;
      auto found = is_last ? in(child(value, item), longer) : at(child(value, item), key.substr(end + 1), longer);
      if (!found.empty()) return found;
      break;
    }
    if (end == std::string_view::npos) return {};
  }
}

/// Whether to look into a value: a container, once each (a dictionary may hold itself under every name), not too deep,
/// and not the state of an optimiser.
bool StateDictSearch::enters(const PickleValue& value, const Way& way) {
  if (size_of(value) == 0 || way.size() > kDeepestNest || is_optimizer(value)) return false;
  return visited_.insert(value.node).second;
}

bool StateDictSearch::is_optimizer(const PickleValue& dictionary) const {
  return !pickle_.entries(dictionary).empty() && pickle_.find(dictionary, "param_groups") != nullptr;
}

std::size_t StateDictSearch::tensors_in(const PickleValue& dictionary) const {
  const auto entries = pickle_.entries(dictionary);
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < entries.size(); i += 2) count += is_tensor_(entries[i + 1]) ? 1 : 0;
  return count;
}

std::size_t StateDictSearch::size_of(const PickleValue& container) const {
  const bool is_list = container.is(Kind::kList) || container.is(Kind::kTuple);
  return is_list ? pickle_.items(container).size() : pickle_.entries(container).size() / 2;
}

const PickleValue& StateDictSearch::child(const PickleValue& container, std::size_t item) const {
  const bool is_list = container.is(Kind::kList) || container.is(Kind::kTuple);
  return is_list ? pickle_.items(container)[item] : pickle_.entries(container)[2 * item + 1];
}

std::string_view StateDictSearch::text_key(const PickleValue& container, std::size_t item) const {
  const auto entries = pickle_.entries(container);
  return !entries.empty() && entries[2 * item].is(Kind::kText) ? entries[2 * item].text() : std::string_view{};
}

std::string StateDictSearch::key_of(const PickleValue& container, std::size_t item) const {
  const bool is_list = container.is(Kind::kList) || container.is(Kind::kTuple);
  if (is_list) return std::to_string(item);
  // Settings beside the weights may have keys of any length.
  const std::string_view key = text_key(container, item);
  return key.size() > kLongestKey ? printable(key) : key_text(pickle_.entries(container)[2 * item]);
}

std::string StateDictSearch::path_of(const StateDictPlace& place) const {
  std::string path;
  for (const auto& [container, item] : place.way) path += (path.empty() ? "" : ".") + key_of(container, item);
  return path;
}

std::vector<std::string> StateDictSearch::keys_beside(const StateDictPlace& place) const {
  std::vector<std::string> keys;
  for (auto step = place.way.rbegin(); step != place.way.rend(); ++step) {
    for (std::size_t item = 0; item < size_of(step->container) && keys.size() < kMostKeys; ++item) {
      if (item != step->item) keys.push_back(key_of(step->container, item));
    }
  }
  return keys;
}

std::string StateDictSearch::what_it_holds() const {
  const PickleValue& root = pickle_.root();
  std::string skipped;
  for (const auto& name : pickle_.foreign_objects()) {
    if (skipped.size() > kShownBytes) break;
    skipped += (skipped.empty() ? "" : ", ") + name;
  }
  if (!skipped.empty()) skipped = "; Python objects in it were skipped, nothing was executed: " + skipped;
  if (root.is(Kind::kForeign) && size_of(root) == 0) {
    return "it holds an object of the Python class " + pickle_.object_name(root) +
           ", perhaps a whole model; nothing was executed. In Python, torch.save(model.state_dict(), FILE) saves what "
           "is needed";
  }
  const std::string none = "no state dict was found in it: ";
  if (size_of(root) == 0) {
    return none + (root.is(Kind::kDictionary) ? "it holds an empty dictionary" : "it does not hold a dictionary") +
           skipped;
  }
  std::string keys;
  for (std::size_t item = 0; item < size_of(root); ++item) {
    keys += (keys.empty() ? "" : ", ") + printable(key_of(root, item));
    const std::string object = pickle_.object_name(child(root, item));
    if (!object.empty()) keys += " (an object of the Python class " + object + ")";
    if (keys.size() > kShownBytes && item + 1 < size_of(root)) {
      keys += ", ...";
      break;
    }
  }
  return none + "its keys are " + keys + skipped +
         ". In Python, torch.save(model.state_dict(), FILE) saves what is needed";
}

}  // namespace wsss
