#include "wsss/weights/load.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "wsss/core/error.h"
#include "wsss/core/remedy.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/input_normalization.h"
#include "wsss/weights/name_prefixes.h"
#include "wsss/weights/tensor_kinds.h"

namespace wsss {

namespace {

constexpr std::string_view kOurFormat = "wsss-tissue-native";

// Layers whose first extent is the number of classes.
constexpr std::array<std::string_view, 3> kOutputLayers{"fc8.weight", "decoder.last_conv.8.weight",
                                                        "decoder.last_conv.8.bias"};

bool is_output_layer(std::string_view name) {
  return std::find(kOutputLayers.begin(), kOutputLayers.end(), name) != kOutputLayers.end();
}

/// Takes output layers for another number of classes out of the tensors; they stay fresh in the network.
void drop_other_heads(const StateDict& own, NamedForNetwork& named) {
  std::erase_if(named.tensors, [&](const auto& item) {
    if (!is_output_layer(item.first)) return false;
    const auto ours = std::find_if(own.begin(), own.end(), [&](const auto& one) { return one.first == item.first; });
    if (ours == own.end() || ours->second.sizes() == item.second.sizes()) return false;
    named.dropped.push_back(item.first);
    named.fresh.push_back(item.first);
    return true;
  });
}

/// Takes tensors without elements, which hold nothing to load, out of what the network does not have.
void drop_empty(const std::vector<std::string>& names, NamedForNetwork& named) {
  std::erase_if(named.tensors, [&](const auto& item) {
    const bool is_nothing =
        item.second.numel() == 0 && std::find(names.begin(), names.end(), item.first) == names.end();
    if (is_nothing) named.dropped.push_back(item.first);
    return is_nothing;
  });
}

/// Refuses a file that has the network more than once under different prefixes.
void require_one_network(const NamedForNetwork& named, const std::string& path) {
  if (named.rivals.empty()) return;
  std::vector<std::string> prefixes{named.stripped.back()};
  prefixes.insert(prefixes.end(), named.rivals.begin(), named.rivals.end());
  std::string listed;
  for (const auto& prefix : prefixes) listed += (listed.empty() ? "" : ", ") + prefix;
  throw Error(
      ErrorCode::kWeights, path + " holds this network more than once, under names that begin with " + listed,
      {{"path", path}, {"stateDicts", std::move(prefixes)}, {kRemedies, std::vector<std::string>{kChooseStateDict}}});
}

/// Refuses a file in which a tensor that the network has is of a kind that is not read.
void require_readable(const NamedForNetwork& named, const StateDict& own, const std::string& path) {
  const UnreadTensor* first = nullptr;
  std::vector<std::string> unread;
  for (const auto& [tensor, name] : named.unread) {
    const bool is_needed =
        std::any_of(own.begin(), own.end(), [&ours = name](const auto& one) { return one.first == ours; });
    if (!is_needed) continue;
    if (first == nullptr) first = &tensor;
    unread.push_back(tensor.name + ": " + tensor.kind);
  }
  if (first == nullptr) return;
  const std::string others =
      unread.size() == 1 ? "" : " (and " + std::to_string(unread.size() - 1) + " more are of such kinds)";
  throw Error(ErrorCode::kWeights,
              path + ": tensor " + first->name + " is " + first->kind + others +
                  ", which is not read here; in Python, " + advice_for(first->kind) + " and save the state dict again",
              {{"path", path}, {"unread", std::move(unread)}});
}

/// What to think of names that did not fit, as a clause for a message.
std::string prefix_hint(const WeightFile& file, const std::vector<std::string>& ours) {
  std::vector<std::string> names;
  for (const auto& item : file.tensors) names.push_back(item.first);
  const std::string prefix = prefix_of_all(names);
  if (prefix.empty() ||
      std::any_of(ours.begin(), ours.end(), [&](const auto& name) { return name.starts_with(prefix); }))
    return {};
  return ". All its names begin with " + prefix + ", and do not fit without that either";
}

}  // namespace

LoadReport load_weight_file(torch::nn::Module& network, const WeightLoading& loading,
                            const std::function<void()>& initialize) {
  const WeightFile file = read_weight_file(loading.path, loading.key);
  const StateDict own = state_dict(network);
  std::vector<std::string> names;
  for (const auto& item : own) names.push_back(item.first);
  NamedForNetwork named = named_for_network(file, names);
  require_one_network(named, loading.path);
  if (loading.strict) require_readable(named, own, loading.path);
  // Our own files say what they are; a head that does not fit there is a mistake of the caller.
  const auto format = file.metadata.find("format");
  const bool is_ours = format != file.metadata.end() && format->second == kOurFormat;
  if (!is_ours) {
    drop_other_heads(own, named);
    drop_empty(names, named);
  }
  const bool folds = loading.fold_normalization && fold_normalization(named.tensors, named.first_layer);
  LoadOptions options{loading.strict, named.fresh, initialize, {}};
  if (named.stripped.empty()) options.hint = prefix_hint(file, names);
  if (!named.origin.empty()) options.hint += ". It has the names of " + named.origin;
  LoadReport report = load_state_dict(network, named.tensors, loading.path, options);
  report.container = file.container;
  report.origin = named.origin;
  report.dropped = named.dropped;
  report.folded_normalization = folds;
  report.found_under = file.found_under;
  report.other_keys = file.other_keys;
  report.stripped = named.stripped;
  report.skipped_objects = file.skipped_objects;
  for (const auto& [name, kind] : file.unread) report.unread.push_back(name + ": " + kind);
  report.hint = options.hint;
  return report;
}

}  // namespace wsss
