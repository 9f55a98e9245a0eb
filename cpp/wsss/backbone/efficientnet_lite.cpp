#include "wsss/backbone/efficientnet_lite.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace wsss {

namespace {

struct Scale {
  double width, depth;
};

constexpr std::array<Scale, 3> kScales{{{1.0, 1.0}, {1.0, 1.1}, {1.1, 1.2}}};

/// Channels of a wider network: to the nearest multiple of 8, but never more than a tenth fewer.
std::int64_t rounded_channels(std::int64_t channels, double width) {
  constexpr std::int64_t kMultiple = 8;
  const double wanted = static_cast<double>(channels) * width;
  const std::int64_t rounded =
      std::max(kMultiple, static_cast<std::int64_t>(wanted + kMultiple / 2.0) / kMultiple * kMultiple);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + kMultiple : rounded;
}

}  // namespace

ResidualPlan efficientnet_lite(int variant) {
  const Scale scale = kScales.at(static_cast<std::size_t>(variant));
  // EfficientNet-B0.
  ResidualPlan plan{32,
                    {{1, 16, 1, 1, 3},
                     {6, 24, 2, 2, 3},
                     {6, 40, 2, 2, 5},
                     {6, 80, 3, 2, 3},
                     {6, 112, 3, 1, 5},
                     {6, 192, 4, 2, 5},
                     {6, 320, 1, 1, 3}},
                    1280,
                    BlockPadding::kTensorFlow,
                    1e-3};
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    ResidualStage& stage = plan.stages[i];
    stage.channels = rounded_channels(stage.channels, scale.width);
    const bool keeps_depth = i == 0 || i + 1 == plan.stages.size();
    if (!keeps_depth)
      stage.blocks = static_cast<std::int64_t>(std::ceil(static_cast<double>(stage.blocks) * scale.depth));
  }
  return plan;
}

std::optional<int> efficientnet_lite_variant(const std::string& name) {
  for (int variant = 0; variant < static_cast<int>(kScales.size()); ++variant) {
    if (name == "efficientnet-lite" + std::to_string(variant)) return variant;
  }
  return std::nullopt;
}

}  // namespace wsss
