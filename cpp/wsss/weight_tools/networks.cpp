#include "wsss/weight_tools/networks.h"

#include <algorithm>

#include "wsss/classifier/resnet38.h"
#include "wsss/segmenter/deeplab.h"

namespace wsss {

namespace {

constexpr std::int64_t kAnyClassCount = 2;
constexpr std::int64_t kAnyOutputStride = 16;
constexpr double kSmallestWidth = 1.0 / 16;

std::vector<std::string> names_of(const torch::nn::Module& network) {
  std::vector<std::string> names;
  for (const auto& item : state_dict(network)) names.push_back(item.first);
  return names;
}

}  // namespace

std::int64_t KnownNetwork::shared_names(const StateDict& tensors) const {
  return std::count_if(tensors.begin(), tensors.end(), [&](const auto& item) {
    return std::find(names.begin(), names.end(), item.first) != names.end();
  });
}

const std::vector<KnownNetwork>& known_networks() {
  static const std::vector<KnownNetwork> networks = [] {
    const ResNet38 classifier(kAnyClassCount, kSmallestWidth);
    const DeepLab segmenter("resnet101", kAnyClassCount, kAnyOutputStride, kSmallestWidth);
    return std::vector<KnownNetwork>{
        {"ResNet38 classifier", names_of(*classifier), "bn7.weight", 4096.0},
        {"DeepLab v3+ (ResNet101)", names_of(*segmenter), "backbone.layer4.0.conv3.weight", 2048.0}};
  }();
  return networks;
}

}  // namespace wsss
