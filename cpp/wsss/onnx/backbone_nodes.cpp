#include "wsss/onnx/backbone_nodes.h"

#include <vector>

#include "wsss/backbone/bottleneck.h"
#include "wsss/backbone/drn_d_54.h"
#include "wsss/backbone/inverted_residuals.h"
#include "wsss/backbone/resnet101.h"
#include "wsss/backbone/xception.h"
#include "wsss/core/libtorch.h"
#include "wsss/onnx/residual_nodes.h"

namespace wsss::onnx {

namespace {

Value relu(OnnxGraph& graph, Value x) { return activate(graph, x, Activation::kRelu); }

Value bottleneck(OnnxGraph& graph, const NetworkPart& block, Value x) {
  Value shortcut = x;
  if (block.has("downsample")) {
    const NetworkPart projection = block["downsample"];
    shortcut = conv_norm(graph, projection["0"], projection["1"], x, Activation::kNone);
  }
  Value r = conv_norm(graph, block["conv1"], block["bn1"], x, Activation::kRelu);
  r = conv_norm(graph, block["conv2"], block["bn2"], r, Activation::kRelu);
  return conv_norm(graph, block["conv3"], block["bn3"], r, Activation::kRelu, shortcut);
}

Value bottlenecks(OnnxGraph& graph, const NetworkPart& stage, Value x) {
  for (const NetworkPart& block : stage.parts()) x = bottleneck(graph, block, x);
  return x;
}

BackboneValues resnet101(OnnxGraph& graph, const NetworkPart& backbone, Value x) {
  using Numbers = std::vector<std::int64_t>;
  Value t = conv_norm(graph, backbone["conv1"], backbone["bn1"], x, Activation::kRelu);
  t = graph.node("MaxPool", {t},
                 {{"kernel_shape", Numbers{3, 3}}, {"strides", Numbers{2, 2}}, {"pads", Numbers{1, 1, 1, 1}}});
  const Value low = bottlenecks(graph, backbone["layer1"], t);
  t = low;
  for (const char* stage : {"layer2", "layer3", "layer4"}) t = bottlenecks(graph, backbone[stage], t);
  return {t, low};
}

BackboneValues drn_d_54(OnnxGraph& graph, const NetworkPart& backbone, Value x) {
  const auto rectified = [&](const char* layer, Value maps) {
    return conv_norm(graph, backbone[layer]["0"], backbone[layer]["1"], maps, Activation::kRelu);
  };
  Value t = x;
  for (const char* layer : {"layer0", "layer1", "layer2"}) t = rectified(layer, t);
  const Value low = bottlenecks(graph, backbone["layer3"], t);
  t = low;
  for (const char* stage : {"layer4", "layer5", "layer6"}) t = bottlenecks(graph, backbone[stage], t);
  return {rectified("layer8", rectified("layer7", t)), low};
}

/// norm(separable(x))
Value separable(OnnxGraph& graph, const NetworkPart& layer, const NetworkPart& norm, Value x) {
  const Value t = conv_norm(graph, layer["conv1"], layer["bn"], x, Activation::kNone);
  return conv_norm(graph, layer["pointwise"], norm, t, Activation::kNone);
}

Value xception_block(OnnxGraph& graph, const NetworkPart& block, Value x) {
  // A sequence with a ReLU in front begins with layer 1.
  const bool rectifies_input = !block["rep"].has("0");
  const Value in = rectifies_input ? relu(graph, x) : x;
  const Value shortcut =
      block.has("skip") ? conv_norm(graph, block["skip"], block["skipbn"], in, Activation::kNone) : in;
  const std::vector<NetworkPart> layers = block["rep"].parts();
  Value t = in;
  for (std::size_t i = 0; i < layers.size(); i += 2) {
    t = separable(graph, layers[i], layers[i + 1], i == 0 ? t : relu(graph, t));
  }
  return add(graph, t, shortcut);
}

BackboneValues xception(OnnxGraph& graph, const NetworkPart& backbone, Value x) {
  Value t = conv_norm(graph, backbone["conv1"], backbone["bn1"], x, Activation::kRelu);
  t = conv_norm(graph, backbone["conv2"], backbone["bn2"], t, Activation::kRelu);
  const Value low = relu(graph, xception_block(graph, backbone["block1"], t));
  t = low;
  for (const NetworkPart& part : backbone.parts()) {
    if (part.is<XceptionBlockImpl>() && part.name() != backbone["block1"].name()) t = xception_block(graph, part, t);
  }
  t = relu(graph, t);
  for (const char* number : {"3", "4", "5"}) {
    t = relu(graph, separable(graph, backbone[std::string("conv") + number], backbone[std::string("bn") + number], t));
  }
  return {t, low};
}

BackboneValues residual_backbone(OnnxGraph& graph, const NetworkPart& backbone, Value x) {
  const auto& network = backbone.as<ResidualBackboneImpl>();
  const NetworkPart features = backbone["features"];
  const Value low = residual_layers(graph, features, x, 0, network.low_layer());
  return {residual_layers(graph, features, low, network.low_layer() + 1, network.high_layer()), low};
}

}  // namespace

BackboneValues backbone_features(OnnxGraph& graph, const NetworkPart& backbone, Value x) {
  if (backbone.is<ResNet101Impl>()) return resnet101(graph, backbone, x);
  if (backbone.is<DrnD54Impl>()) return drn_d_54(graph, backbone, x);
  if (backbone.is<XceptionImpl>()) return xception(graph, backbone, x);
  return residual_backbone(graph, backbone, x);
}

}  // namespace wsss::onnx
