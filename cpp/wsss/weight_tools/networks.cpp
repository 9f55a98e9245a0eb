#include "wsss/weight_tools/networks.h"

#include <algorithm>

#include "wsss/classifier/classifier.h"
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
    const auto classifier = [](const char* backbone) {
      return names_of(*make_classifier(backbone, kAnyClassCount, kSmallestWidth));
    };
    const auto segmenter = [](const char* backbone) {
      return names_of(*DeepLab(backbone, kAnyClassCount, kAnyOutputStride, kSmallestWidth));
    };
    return std::vector<KnownNetwork>{
        {"ResNet38 classifier", classifier("resnet38"), "bn7.weight", 4096.0},
        {"MobileNetV2 classifier", classifier("mobilenet"), "features.18.0.weight", 1280.0},
        {"EfficientNet-Lite0 classifier", classifier("efficientnet-lite0"), "features.17.0.weight", 1280.0},
        {"EfficientNet-Lite1 or 2 classifier", classifier("efficientnet-lite1"), "features.22.0.weight", 1280.0},
        {"DeepLab v3+ (ResNet101)", segmenter("resnet101"), "backbone.layer4.0.conv3.weight", 2048.0},
        {"DeepLab v3+ (Xception)", segmenter("xception"), "backbone.conv5.pointwise.weight", 2048.0},
        {"DeepLab v3+ (DRN-D-54)", segmenter("drn"), "backbone.layer6.0.conv3.weight", 2048.0},
        {"DeepLab v3+ (MobileNetV2)", segmenter("mobilenet"), "backbone.features.17.conv.6.weight", 320.0},
        {"DeepLab v3+ (EfficientNet-Lite0)", segmenter("efficientnet-lite0"), "backbone.features.16.conv.6.weight",
         320.0},
        // The stem is the one layer that both have in the same size.
        {"DeepLab v3+ (EfficientNet-Lite1 or 2)", segmenter("efficientnet-lite1"), "backbone.features.0.0.weight",
         32.0}};
  }();
  return networks;
}

}  // namespace wsss
