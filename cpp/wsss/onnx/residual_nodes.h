// Networks of inverted residuals (MobileNetV2, EfficientNet-Lite) as nodes of an ONNX graph.
#pragma once

#include <cstddef>

#include "wsss/onnx/layer_nodes.h"

namespace wsss::onnx {

/// The layers `first` to `last` of such a network, both included, on what layer `first` reads.
///
/// @param features  its module "features".
Value residual_layers(OnnxGraph& graph, const NetworkPart& features, Value x, std::size_t first, std::size_t last);

}  // namespace wsss::onnx
