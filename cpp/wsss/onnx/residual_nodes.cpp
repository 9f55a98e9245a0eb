#include "wsss/onnx/residual_nodes.h"

#include <string>

#include "wsss/backbone/inverted_residuals.h"
#include "wsss/core/libtorch.h"

namespace wsss::onnx {

namespace {

Padding padding_of(BlockPadding padding) {
  return padding == BlockPadding::kTensorFlow ? Padding::kTensorFlow : Padding::kOwn;
}

Value inverted_residual(OnnxGraph& graph, const NetworkPart& block, Value x) {
  const BlockShape& shape = block.as<InvertedResidualImpl>().shape();
  const NetworkPart layers = block["conv"];
  Value t = shape.padding == BlockPadding::kBeforeExpansion
                ? padded(graph, x, side_padding(shape.padding, 0, shape.kernel, shape.stride, shape.dilation).before)
                : x;
  // Names count every layer of the published sequence, ReLU6 included.
  const auto at = [&layers](int position) { return layers[std::to_string(position)]; };
  int position = 0;
  if (shape.expansion != 1) {
    t = conv_norm(graph, at(0), at(1), t, Activation::kRelu6);
    position = 3;
  }
  t = conv_norm(graph, at(position), at(position + 1), t, Activation::kRelu6, nullptr, padding_of(shape.padding));
  return conv_norm(graph, at(position + 3), at(position + 4), t, Activation::kNone, shape.has_shortcut ? x : nullptr);
}

}  // namespace

Value residual_layers(OnnxGraph& graph, const NetworkPart& features, Value x, std::size_t first, std::size_t last) {
  for (std::size_t layer = first; layer <= last; ++layer) {
    const NetworkPart part = features[std::to_string(layer)];
    if (layer == 0) {
      // The stem pads as the blocks do.
      const Padding padding = padding_of(features["1"].as<InvertedResidualImpl>().shape().padding);
      x = conv_norm(graph, part["0"], part["1"], x, Activation::kRelu6, nullptr, padding);
    } else {
      x = inverted_residual(graph, part, x);
    }
  }
  return x;
}

}  // namespace wsss::onnx
