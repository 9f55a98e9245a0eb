// EfficientNet-Lite (Google 2020) as a table.
#pragma once

#include <optional>
#include <string>

#include "wsss/backbone/inverted_residuals.h"

namespace wsss {

/// EfficientNet-Lite: EfficientNet (Tan & Le 2019) without squeeze-and-excitation and with ReLU6, for processors; stem
/// and head keep their channels, first and last stage their depth, while the rest grows. Padded as TensorFlow pads,
/// with a batch norm epsilon of 1e-3, as its ImageNet weights need it.
///
/// @param variant  0, 1 or 2: width and depth 1.0 and 1.0, 1.0 and 1.1, 1.1 and 1.2.
ResidualPlan efficientnet_lite(int variant);

/// The variant of a backbone's name: "efficientnet-lite0" to "efficientnet-lite2"; nothing for others.
std::optional<int> efficientnet_lite_variant(const std::string& name);

}  // namespace wsss
