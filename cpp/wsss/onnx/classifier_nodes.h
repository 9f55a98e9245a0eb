// The classifiers of stage 1 as nodes of an ONNX graph.
#pragma once

#include "wsss/classifier/classifier.h"
#include "wsss/onnx/onnx_graph.h"

namespace wsss::onnx {

/// What Grad-CAM and the class head read.
struct LevelValues {
  Value shallow, middle, deep;
};

/// @param x  [N, 3, H, W] in [0, 1].
LevelValues classifier_levels(OnnxGraph& graph, const ClassifierImpl& network, Value x);

/// Probabilities [N, K] of the deep level.
Value class_probabilities(OnnxGraph& graph, const ClassifierImpl& network, Value deep);

}  // namespace wsss::onnx
