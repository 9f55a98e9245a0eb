#include "wsss/weights/foreign_names.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "wsss/weights/name_translations.h"

namespace wsss {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMxnetKinds{{{"_weight", ".weight"},
                                                                                    {"_gamma", ".weight"},
                                                                                    {"_beta", ".bias"},
                                                                                    {"_moving_mean", ".running_mean"},
                                                                                    {"_moving_var", ".running_var"}}};

// The published MobileNetV2 segmenter lists the layers of "features" once more in two parts, by the same numbers.
constexpr std::string_view kCanonical = "backbone.features.";
constexpr std::array<std::string_view, 2> kAliases{"backbone.low_level_features.", "backbone.high_level_features."};
constexpr int kLastLowLevelLayer = 3;

bool has_name(const StateDict& tensors, std::string_view name) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
}

NamedForNetwork from_torchvision_resnet(const StateDict& tensors) {
  NamedForNetwork result;
  result.origin = "torchvision ResNet";
  result.fresh = {"aspp.", "decoder."};
  result.first_layer = {"backbone.conv1", "backbone.bn1", kImageNetNormalization};
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("fc.")) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back("backbone." + name, tensor);
    }
  }
  return result;
}

/// The digit at the start of a text that has a dot behind it, or -1.
int leading_digit(std::string_view text) {
  const bool is_digit = text.size() > 1 && text[0] >= '0' && text[0] <= '9' && text[1] == '.';
  return is_digit ? text[0] - '0' : -1;
}

/// A layer of torchvision's MobileNetV2 as the published code numbers it. There a block is a list of [convolution,
/// batch norm, ReLU6] groups with the last convolution and batch norm on their own; here it is one flat list.
std::string flat_mobilenet_name(const std::string& name) {
  constexpr std::string_view kConv = ".conv.";
  const auto conv = name.find(kConv);
  if (conv == std::string::npos) return name;
  const std::string block = name.substr(0, conv + kConv.size());
  const std::string_view layer = std::string_view(name).substr(block.size());
  const int first = leading_digit(layer);
  if (first < 0) return name;
  const std::string_view rest = layer.substr(2);
  const int second = leading_digit(rest);
  if (second >= 0) return block + std::to_string(3 * first + second) + std::string(rest.substr(1));
  const int groups = block == "features.1.conv." ? 1 : 2;  // the first block has no expansion
  return block + std::to_string(first + 2 * groups) + "." + std::string(rest);
}

/// What is known of a file of inverted residuals before its tensors are named.
///
/// @param prefix  what the network puts before "features": "" for the classifier, "backbone." for the segmenter.
NamedForNetwork residual_result(const char* origin, const InputNormalization& trained_on, const std::string& prefix) {
  NamedForNetwork result;
  result.origin = origin;
  result.first_layer = {prefix + "features.0.0", prefix + "features.0.1", trained_on};
  result.fresh = prefix.empty() ? std::vector<std::string>{"fc8."} : std::vector<std::string>{"aspp.", "decoder."};
  return result;
}

/// @param prefix  as of residual_result().
NamedForNetwork from_mobilenet(const StateDict& tensors, const std::string& prefix) {
  const bool is_classifier = prefix.empty();
  const bool has_groups = has_name(tensors, "features.1.conv.0.0.weight");
  NamedForNetwork result = residual_result("MobileNetV2", kImageNetNormalization, prefix);
  for (const auto& [name, tensor] : tensors) {
    const bool is_head = name.starts_with("classifier.") || (!is_classifier && name.starts_with("features.18."));
    if (is_head) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back(prefix + (has_groups ? flat_mobilenet_name(name) : name), tensor);
    }
  }
  return result;
}

/// A layer of a block of EfficientNet as its first PyTorch port names it, as its place in the block's list.
std::string efficientnet_layer(std::string_view layer, bool expands) {
  constexpr std::array<std::pair<std::string_view, int>, 6> kPlaces{
      {{"_expand_conv", -3}, {"_bn0", -2}, {"_depthwise_conv", 0}, {"_bn1", 1}, {"_project_conv", 3}, {"_bn2", 4}}};
  const auto* place = std::find_if(kPlaces.begin(), kPlaces.end(), [&](const auto& one) { return one.first == layer; });
  if (place == kPlaces.end()) return {};
  return "conv." + std::to_string(place->second + (expands ? 3 : 0));
}

/// Layers of EfficientNet outside its blocks.
std::string efficientnet_outer(std::string_view layer, int blocks) {
  const std::string head = "features." + std::to_string(blocks + 1);
  if (layer == "_conv_stem") return "features.0.0";
  if (layer == "_bn0") return "features.0.1";
  if (layer == "_conv_head") return head + ".0";
  if (layer == "_bn1") return head + ".1";
  return {};
}

/// "_blocks.3._bn1.weight" and the like to "features.4.conv.4.weight"; empty for names that no such network has.
std::string residual_name(const std::string& name, int blocks) {
  constexpr std::string_view kBlocks = "_blocks.";
  const auto end = name.rfind('.');
  if (end == std::string::npos) return {};
  const std::string kind = name.substr(end);
  if (!name.starts_with(kBlocks)) {
    const std::string ours = efficientnet_outer(std::string_view(name).substr(0, end), blocks);
    return ours.empty() ? ours : ours + kind;
  }
  const auto dot = name.find('.', kBlocks.size());
  if (dot == std::string::npos || dot >= end) return {};
  const int block = std::atoi(name.c_str() + kBlocks.size());
  const std::string layer = efficientnet_layer(std::string_view(name).substr(dot + 1, end - dot - 1), block > 0);
  return layer.empty() ? layer : "features." + std::to_string(block + 1) + "." + layer + kind;
}

/// @param prefix  as of residual_result().
NamedForNetwork from_efficientnet_lite(const StateDict& tensors, const std::string& prefix) {
  int blocks = 0;
  while (has_name(tensors, "_blocks." + std::to_string(blocks) + "._depthwise_conv.weight")) ++blocks;
  const bool is_classifier = prefix.empty();
  NamedForNetwork result = residual_result("EfficientNet-Lite", kLiteNormalization, prefix);
  for (const auto& [name, tensor] : tensors) {
    const bool is_head = name.starts_with("_conv_head.") || name.starts_with("_bn1.");
    if (name.starts_with("_fc.") || (!is_classifier && is_head)) {
      result.dropped.push_back(name);
      continue;
    }
    const std::string ours = residual_name(name, blocks);
    result.tensors.emplace_back(ours.empty() ? name : prefix + ours, tensor);
  }
  return result;
}

/// @param prefix  as of residual_result().
NamedForNetwork from_converted_lite(const StateDict& tensors, const std::string& prefix) {
  const bool is_classifier = prefix.empty();
  NamedForNetwork result = residual_result("EfficientNet-Lite", kLiteNormalization, prefix);
  for (const auto& [name, tensor] : tensors) {
    const bool is_head =
        name.starts_with("features.17.0.") || name.starts_with("features.17.1.") || name.starts_with("features.22.");
    if (!is_classifier && is_head) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back(prefix + name, tensor);
    }
  }
  return result;
}

/// Names of the published MobileNetV2 segmenter to the one that each tensor has here.
std::string without_alias(std::string name) {
  for (const std::string_view alias : kAliases) {
    if (name.starts_with(alias)) return std::string(kCanonical) + name.substr(alias.size());
  }
  return name;
}

NamedForNetwork from_published_mobilenet(const StateDict& tensors) {
  NamedForNetwork result;
  result.origin = "published DeepLab";
  std::unordered_set<std::string> seen;
  for (const auto& [name, tensor] : tensors) {
    const std::string ours = without_alias(name);
    if (seen.insert(ours).second) {
      result.tensors.emplace_back(ours, tensor);
    } else {
      result.dropped.push_back(name);
    }
  }
  return result;
}

}  // namespace

std::string resnet38_name(std::string_view mxnet_name) {
  for (const std::string_view prefix : {"arg:", "aux:"}) {
    if (mxnet_name.starts_with(prefix)) mxnet_name.remove_prefix(prefix.size());
  }
  const auto* kind = std::find_if(kMxnetKinds.begin(), kMxnetKinds.end(),
                                  [&](const auto& row) { return mxnet_name.ends_with(row.first); });
  if (kind == kMxnetKinds.end()) return {};
  mxnet_name.remove_suffix(kind->first.size());
  if (mxnet_name == "conv1a" || mxnet_name == "bn7") return std::string(mxnet_name) + std::string(kind->second);

  // res4b3_branch2b1 is the convolution branch2b1 of the unit b4_3; the first unit of a stage, res4a, is b4.
  const bool is_norm = mxnet_name.starts_with("bn");
  if (!is_norm && !mxnet_name.starts_with("res")) return {};
  mxnet_name.remove_prefix(is_norm ? 2 : 3);
  const auto branch = mxnet_name.find("_branch");
  if (branch == std::string_view::npos || branch < 2) return {};
  const std::string stage(mxnet_name.substr(0, 1));
  const std::string_view unit = mxnet_name.substr(1, branch - 1);
  const bool is_first = unit == "a";
  if (!is_first && (unit.size() < 2 || unit[0] != 'b')) return {};
  std::string ours = "b" + stage + (is_first ? "" : "_" + std::string(unit.substr(1)));
  ours += is_norm ? ".bn" : ".conv";
  ours += mxnet_name.substr(branch);
  return ours + std::string(kind->second);
}

NamedForNetwork translate_mxnet_names(const StateDict& tensors) {
  NamedForNetwork result;
  result.origin = "MXNet ResNet38";
  result.fresh = {"fc8."};
  result.first_layer = {"conv1a", "b2.bn_branch2a", kImageNetNormalization};
  for (const auto& [name, tensor] : tensors) {
    const std::string ours = resnet38_name(name);
    if (ours.empty()) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back(ours, tensor);
    }
  }
  return result;
}

NamedForNetwork translate_names(const StateDict& tensors, const NetworkHas& network_has) {
  const bool is_resnet = has_name(tensors, "layer1.0.conv1.weight");
  if (is_resnet && network_has("backbone.layer1.0.conv1.weight")) return from_torchvision_resnet(tensors);
  // A classifier of ours has the same names and is told by its head.
  const bool has_own_head = has_name(tensors, "fc8.weight");
  // EfficientNet-Lite under our names, as a conversion writes it: the layer behind the last block is 17 or 22.
  const bool is_converted_lite =
      !has_own_head && (has_name(tensors, "features.17.0.weight") || has_name(tensors, "features.22.0.weight"));
  const bool is_mobilenet =
      !has_own_head && !is_converted_lite &&
      (has_name(tensors, "features.17.conv.0.weight") || has_name(tensors, "features.17.conv.0.0.weight"));
  if (is_converted_lite) {
    if (network_has("features.0.0.weight")) return from_converted_lite(tensors, "");
    if (network_has("backbone.features.0.0.weight")) return from_converted_lite(tensors, "backbone.");
  }
  if (is_mobilenet) {
    if (network_has("features.18.0.weight")) return from_mobilenet(tensors, "");
    if (network_has("backbone.features.0.0.weight")) return from_mobilenet(tensors, "backbone.");
  }
  if (has_name(tensors, "_blocks.0._depthwise_conv.weight")) {
    if (network_has("features.0.0.weight")) return from_efficientnet_lite(tensors, "");
    if (network_has("backbone.features.0.0.weight")) return from_efficientnet_lite(tensors, "backbone.");
  }
  const bool has_aliases = has_name(tensors, "backbone.low_level_features.0.0.weight");
  if (has_aliases && network_has("backbone.features.0.0.weight")) return from_published_mobilenet(tensors);
  NamedForNetwork result;
  result.tensors = tensors;
  return result;
}

StateDict with_published_aliases(const StateDict& tensors) {
  StateDict result = tensors;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(kCanonical)) continue;
    const std::string layer = name.substr(kCanonical.size());
    const bool is_low = std::atoi(layer.c_str()) <= kLastLowLevelLayer;
    result.emplace_back(std::string(kAliases[is_low ? 0 : 1]) + layer, tensor);
  }
  return result;
}

}  // namespace wsss
