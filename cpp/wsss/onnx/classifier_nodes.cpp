#include "wsss/onnx/classifier_nodes.h"

#include "wsss/classifier/residual_classifier.h"
#include "wsss/classifier/resnet38.h"
#include "wsss/core/libtorch.h"
#include "wsss/onnx/residual_nodes.h"

namespace wsss::onnx {

namespace {

Value residual_block(OnnxGraph& graph, const NetworkPart& block, Value x) {
  const Value t = norm(graph, block["bn_branch2a"], x, Activation::kRelu);
  const Value shortcut = block.has("conv_branch1") ? conv(graph, block["conv_branch1"], t) : x;
  const Value r = conv_norm(graph, block["conv_branch2a"], block["bn_branch2b1"], t, Activation::kRelu);
  return add(graph, conv(graph, block["conv_branch2b1"], r), shortcut);
}

Value bottleneck_block(OnnxGraph& graph, const NetworkPart& block, Value x) {
  const Value t = norm(graph, block["bn_branch2a"], x, Activation::kRelu);
  const Value shortcut = conv(graph, block["conv_branch1"], t);
  Value r = conv_norm(graph, block["conv_branch2a"], block["bn_branch2b1"], t, Activation::kRelu);
  r = conv_norm(graph, block["conv_branch2b1"], block["bn_branch2b2"], r, Activation::kRelu);
  return add(graph, conv(graph, block["conv_branch2b2"], r), shortcut);
}

LevelValues resnet38_levels(OnnxGraph& graph, const ResNet38Impl& network, Value x) {
  const NetworkPart whole(network);
  LevelValues levels{};
  Value t = x;
  for (const NetworkPart& part : whole.parts()) {
    if (part.is<ResidualBlockImpl>()) t = residual_block(graph, part, t);
    if (part.is<BottleneckBlockImpl>()) t = bottleneck_block(graph, part, t);
    if (part.name() == "conv1a") t = conv(graph, part, t);
    if (part.name() == "bn7") t = norm(graph, part, t, Activation::kRelu);
    if (part.name() == network.level_names()[2]) levels.shallow = t;
    if (part.name() == network.level_names()[1]) levels.middle = t;
  }
  levels.deep = t;
  return levels;
}

LevelValues residual_levels(OnnxGraph& graph, const ResidualClassifierImpl& network, Value x) {
  const NetworkPart features = NetworkPart(network)["features"];
  const Value shallow = residual_layers(graph, features, x, 0, network.shallow_layer());
  const Value middle = residual_layers(graph, features, shallow, network.shallow_layer() + 1, network.middle_layer());
  const NetworkPart last = features[std::to_string(network.deep_layer())];
  return {shallow, middle, conv_norm(graph, last["0"], last["1"], middle, Activation::kRelu6)};
}

}  // namespace

LevelValues classifier_levels(OnnxGraph& graph, const ClassifierImpl& network, Value x) {
  if (const auto* resnet38 = dynamic_cast<const ResNet38Impl*>(&network)) return resnet38_levels(graph, *resnet38, x);
  return residual_levels(graph, NetworkPart(network).as<ResidualClassifierImpl>(), x);
}

Value class_probabilities(OnnxGraph& graph, const ClassifierImpl& network, Value deep) {
  const Value pooled = graph.node("Flatten", {graph.node("GlobalAveragePool", {deep})});
  const Value weight = graph.constant("fc8.weight", network.class_weights().flatten(1).to(at::kFloat));
  return graph.node("Sigmoid", {graph.node("Gemm", {pooled, weight}, {{"transB", std::int64_t{1}}})});
}

}  // namespace wsss::onnx
