// The encoders of DeepLab v3+ as nodes of an ONNX graph.
#pragma once

#include "wsss/onnx/network_part.h"
#include "wsss/onnx/onnx_graph.h"

namespace wsss::onnx {

/// What ASPP and the decoder read.
struct BackboneValues {
  Value high, low;
};

/// @param backbone  any that make_backbone() makes.
/// @param x         [N, 3, H, W] in [0, 1].
BackboneValues backbone_features(OnnxGraph& graph, const NetworkPart& backbone, Value x);

}  // namespace wsss::onnx
