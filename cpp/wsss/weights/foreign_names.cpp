#include "wsss/weights/foreign_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace wsss {

namespace {

constexpr std::array<std::string_view, 2> kWrappers{"module.", "_orig_mod."};
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMxnetKinds{{{"_weight", ".weight"},
                                                                                    {"_gamma", ".weight"},
                                                                                    {"_beta", ".bias"},
                                                                                    {"_moving_mean", ".running_mean"},
                                                                                    {"_moving_var", ".running_var"}}};

bool all_start_with(const StateDict& tensors, std::string_view prefix) {
  return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [&](const auto& item) {
    return std::string_view(item.first).starts_with(prefix);
  });
}

/// Removes what wrappers put before every name, one inside the other included.
StateDict unwrapped(StateDict tensors) {
  for (bool found = true; found;) {
    found = false;
    for (const auto wrapper : kWrappers) {
      if (!all_start_with(tensors, wrapper)) continue;
      for (auto& item : tensors) item.first.erase(0, wrapper.size());
      found = true;
    }
  }
  return tensors;
}

bool has_name(const StateDict& tensors, std::string_view name) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
}

NamedForNetwork from_mxnet(const WeightFile& file) {
  NamedForNetwork result{"MXNet ResNet38", {}, {}, {"fc8."}};
  for (const auto& [name, tensor] : file.tensors) {
    const std::string ours = resnet38_name(name);
    if (ours.empty()) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back(ours, tensor);
    }
  }
  return result;
}

NamedForNetwork from_torchvision_resnet(const StateDict& tensors) {
  NamedForNetwork result{"torchvision ResNet", {}, {}, {"aspp.", "decoder."}};
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("fc.")) {
      result.dropped.push_back(name);
    } else {
      result.tensors.emplace_back("backbone." + name, tensor);
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

NamedForNetwork named_for_network(const WeightFile& file, const std::vector<std::string>& network_names) {
  const auto network_has = [&](std::string_view name) {
    return std::find(network_names.begin(), network_names.end(), name) != network_names.end();
  };
  if (file.container.starts_with("MXNet") && network_has("fc8.weight")) return from_mxnet(file);
  const StateDict tensors = unwrapped(file.tensors);
  const bool is_resnet = has_name(tensors, "layer1.0.conv1.weight");
  if (is_resnet && network_has("backbone.layer1.0.conv1.weight")) return from_torchvision_resnet(tensors);
  return {"", tensors, {}, {}};
}

}  // namespace wsss
