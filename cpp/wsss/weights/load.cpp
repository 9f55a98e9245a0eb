#include "wsss/weights/load.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "wsss/weights/foreign_names.h"
#include "wsss/weights/input_normalization.h"

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

}  // namespace

LoadReport load_weight_file(torch::nn::Module& network, const WeightLoading& loading,
                            const std::function<void()>& initialize) {
  const WeightFile file = read_weight_file(loading.path);
  const StateDict own = state_dict(network);
  std::vector<std::string> names;
  for (const auto& item : own) names.push_back(item.first);
  NamedForNetwork named = named_for_network(file, names);
  // Our own files say what they are; a head that does not fit there is a mistake of the caller.
  const auto format = file.metadata.find("format");
  const bool is_ours = format != file.metadata.end() && format->second == kOurFormat;
  if (!is_ours) drop_other_heads(own, named);
  const bool folds = loading.fold_normalization && fold_imagenet_normalization(named.tensors, named.first_layer);
  LoadReport report = load_state_dict(network, named.tensors, loading.path, {loading.strict, named.fresh, initialize});
  report.container = file.container;
  report.origin = named.origin;
  report.dropped = named.dropped;
  report.folded_normalization = folds;
  return report;
}

}  // namespace wsss
