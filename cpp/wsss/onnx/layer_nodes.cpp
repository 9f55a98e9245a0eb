#include "wsss/onnx/layer_nodes.h"

#include <string>
#include <vector>

#include "wsss/convolution/conv2d.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/libtorch.h"

namespace wsss::onnx {

namespace {

using Numbers = std::vector<std::int64_t>;

at::Tensor in_double(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kDouble); }

/// What a batch norm does in evaluation. In float64, so that folding it rounds once.
struct Affine {
  at::Tensor scale, shift;  ///< [C]
};

Affine affine_of(const NetworkPart& part) {
  const auto& norm = part.as<BatchNormImpl>();
  const at::Tensor deviation = (in_double(norm.running_var) + norm.options.eps()).sqrt();
  const at::Tensor scale = in_double(norm.weight) / deviation;
  return {scale, in_double(norm.bias) - in_double(norm.running_mean) * scale};
}

Numbers both(const torch::ExpandingArray<2>& values) { return {(*values)[0], (*values)[1]}; }

/// @param name  of the output, and the start of the names of weight and bias.
Value conv_node(OnnxGraph& graph, const NetworkPart& part, const std::string& name, Value x, const at::Tensor& weight,
                const at::Tensor& bias, Padding padding = Padding::kOwn) {
  const auto& options = part.as<Conv2dImpl>().options;
  std::vector<Attribute> attributes{{"dilations", both(options.dilation())},
                                    {"group", options.groups()},
                                    {"kernel_shape", both(options.kernel_size())},
                                    {"strides", both(options.stride())}};
  if (padding == Padding::kTensorFlow && (*options.stride())[0] > 1) {
    attributes.emplace_back("auto_pad", "SAME_UPPER");
  } else {
    const auto& sides = std::get<torch::ExpandingArray<2>>(options.padding());
    attributes.emplace_back("pads", Numbers{(*sides)[0], (*sides)[1], (*sides)[0], (*sides)[1]});
  }
  std::vector<Value> inputs{x, graph.constant(name + ".weight", weight.to(at::kFloat))};
  if (bias.defined()) inputs.push_back(graph.constant(name + ".bias", bias.to(at::kFloat)));
  return graph.node("Conv", inputs, attributes, name);
}

/// Batch and channels of one tensor, height and width of another.
Value shape_with_size_of(OnnxGraph& graph, Value x, Value like) {
  const Value start = graph.node("Shape", {x}, {{"start", std::int64_t{0}}, {"end", std::int64_t{2}}});
  const Value size = graph.node("Shape", {like}, {{"start", std::int64_t{2}}, {"end", std::int64_t{4}}});
  return graph.node("Concat", {start, size}, {{"axis", std::int64_t{0}}});
}

}  // namespace

Value conv(OnnxGraph& graph, const NetworkPart& part, Value x) {
  const auto& layer = part.as<Conv2dImpl>();
  return conv_node(graph, part, part.name(), x, layer.weight, layer.bias);
}

Value conv_norm(OnnxGraph& graph, const NetworkPart& part, const NetworkPart& norm, Value x, Activation activation,
                Value shortcut, Padding padding) {
  const auto& layer = part.as<Conv2dImpl>();
  const auto [scale, shift] = affine_of(norm);
  Value out =
      conv_node(graph, part, part.name(), x, in_double(layer.weight) * scale.view({-1, 1, 1, 1}), shift, padding);
  if (shortcut != nullptr) out = add(graph, out, shortcut);
  return activate(graph, out, activation);
}

Value conv_norm_of_parts(OnnxGraph& graph, const NetworkPart& part, const NetworkPart& norm,
                         const std::vector<Value>& maps, Value spread, Activation activation) {
  const auto [scale, shift] = affine_of(norm);
  const at::Tensor weight = in_double(part.as<Conv2dImpl>().weight) * scale.view({-1, 1, 1, 1});
  const std::int64_t of_each = weight.size(1) / static_cast<std::int64_t>(maps.size() + 1);
  const std::int64_t of_maps = weight.size(1) - of_each;
  const Value joined = graph.node("Concat", maps, {{"axis", std::int64_t{1}}});
  const Value of_joined = conv_node(graph, part, part.name(), joined, weight.narrow(1, 0, of_maps), shift);
  const Value of_spread =
      conv_node(graph, part, part.name() + "_spread", spread, weight.narrow(1, of_maps, of_each), {});
  return activate(graph, add(graph, of_joined, of_spread), activation);
}

Value norm(OnnxGraph& graph, const NetworkPart& part, Value x, Activation activation) {
  const auto& layer = part.as<BatchNormImpl>();
  const auto stored = [&](const char* name, const at::Tensor& values) {
    return graph.constant(part.name() + "." + name, values.to(at::kFloat));
  };
  const Value out = graph.node("BatchNormalization",
                               {x, stored("weight", layer.weight), stored("bias", layer.bias),
                                stored("running_mean", layer.running_mean), stored("running_var", layer.running_var)},
                               {{"epsilon", layer.options.eps()}}, part.name());
  return activate(graph, out, activation);
}

Value activate(OnnxGraph& graph, Value x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return graph.node("Relu", {x});
    default:
      return graph.node("Clip", {x, graph.constant("zero", at::zeros({}, at::kFloat)),
                                 graph.constant("six", at::full({}, 6.0, at::kFloat))});
  }
}

Value add(OnnxGraph& graph, Value a, Value b) { return graph.node("Add", {a, b}); }

Value padded(OnnxGraph& graph, Value x, std::int64_t sides) {
  const Numbers pads{0, 0, sides, sides, 0, 0, sides, sides};
  return graph.node("Pad", {x, graph.constant("pads_of_" + std::to_string(sides), at::tensor(pads, at::kLong))});
}

Value resized_like(OnnxGraph& graph, Value x, Value like, const std::optional<Enlargement>& known) {
  const std::vector<Attribute> attributes{{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}};
  if (!known) return graph.node("Resize", {x, nullptr, nullptr, shape_with_size_of(graph, x, like)}, attributes);
  // The product is rounded down, so that half a pixel more makes it exact. Corners coincide whatever the factor.
  const auto factor = [](std::int64_t from, std::int64_t to) {
    return (static_cast<float>(to) + 0.5F) / static_cast<float>(from);
  };
  const std::vector<float> factors{1.0F, 1.0F, factor(known->from.height, known->to.height),
                                   factor(known->from.width, known->to.width)};
  const std::string name = "factors_to_" + std::to_string(known->to.height) + "_" + std::to_string(known->to.width);
  return graph.node("Resize", {x, nullptr, graph.constant(name, at::tensor(factors))}, attributes);
}

}  // namespace wsss::onnx
