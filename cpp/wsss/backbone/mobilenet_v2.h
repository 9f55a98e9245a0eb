// MobileNetV2 (Sandler et al. 2018) as a table.
#pragma once

#include "wsss/backbone/inverted_residuals.h"

namespace wsss {

/// MobileNetV2, table 2 of its paper: layers 0 to 17, and the last convolution.
///
/// The published segmenter's checkpoints list each tensor twice, as "features" and as "low_level_features" or
/// "high_level_features"; here they are registered once, as "features".
///
/// @param padding  kBeforeExpansion as the published segmenter, kAtDepthwise as the original.
ResidualPlan mobilenet_v2(BlockPadding padding);

}  // namespace wsss
