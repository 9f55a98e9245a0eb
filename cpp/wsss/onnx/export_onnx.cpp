#include "wsss/onnx/export_onnx.h"

#include <vector>

#include "wsss/core/libtorch.h"
#include "wsss/onnx/backbone_nodes.h"
#include "wsss/onnx/classifier_nodes.h"
#include "wsss/onnx/layer_nodes.h"
#include "wsss/weights/atomic_file.h"

namespace wsss::onnx {

namespace {

/// Of the low-level features that the decoder reads.
constexpr std::int64_t kLowStride = 4;

Extent height_of(const OnnxFile& file) { return file.fixed_size ? Extent(file.fixed_size->height) : Extent("height"); }
Extent width_of(const OnnxFile& file) { return file.fixed_size ? Extent(file.fixed_size->width) : Extent("width"); }

Value image(OnnxGraph& graph, const OnnxFile& file) {
  const Value bytes = graph.input("image", {"batch", std::int64_t{3}, height_of(file), width_of(file)});
  return graph.node("Div", {bytes, graph.constant("white", at::full({}, 255.0, at::kFloat))});
}

void write(const OnnxGraph& graph, const OnnxFile& file) {
  AtomicFile out(file.path);
  graph.write_to(out, file.metadata);
  out.commit();
}

/// Both sizes of an enlargement from one stride to another, where the size of pictures is fixed. Every stride rounds
/// up.
std::optional<Enlargement> enlargement(const OnnxFile& file, std::int64_t from_stride, std::int64_t to_stride) {
  if (!file.fixed_size) return std::nullopt;
  const auto at_stride = [&](std::int64_t stride) {
    const auto [height, width] = *file.fixed_size;
    return MapSize{(height + stride - 1) / stride, (width + stride - 1) / stride};
  };
  return Enlargement{at_stride(from_stride), at_stride(to_stride)};
}

Value aspp(OnnxGraph& graph, const NetworkPart& part, Value x) {
  std::vector<Value> branches;
  for (const char* name : {"aspp1", "aspp2", "aspp3", "aspp4"}) {
    branches.push_back(conv_norm(graph, part[name]["atrous_conv"], part[name]["bn"], x, Activation::kRelu));
  }
  const NetworkPart pooling = part["global_avg_pool"];
  const Value mean = graph.node("GlobalAveragePool", {x});
  const Value pooled = conv_norm(graph, pooling["1"], pooling["2"], mean, Activation::kRelu);
  return conv_norm_of_parts(graph, part["conv1"], part["bn1"], branches, pooled, Activation::kRelu);
}

Value decoder(OnnxGraph& graph, const NetworkPart& part, Value pyramid, Value low,
              const std::optional<Enlargement>& known) {
  const Value reduced = conv_norm(graph, part["conv1"], part["bn1"], low, Activation::kRelu);
  const NetworkPart head = part["last_conv"];
  const std::vector<Value> maps{resized_like(graph, pyramid, reduced, known), reduced};
  Value t = graph.node("Concat", maps, {{"axis", std::int64_t{1}}});
  t = conv_norm(graph, head["0"], head["1"], t, Activation::kRelu);
  t = conv_norm(graph, head["4"], head["5"], t, Activation::kRelu);
  return conv(graph, head["8"], t);
}

}  // namespace

void export_onnx(const Classifier& network, const OnnxFile& file) {
  OnnxGraph graph;
  const LevelValues levels = classifier_levels(graph, *network, image(graph, file));
  graph.output(class_probabilities(graph, *network, levels.deep), "probabilities", at::kFloat,
               {"batch", network->class_count()});
  const auto& names = network->level_names();
  const std::vector<Value> deepest_first{levels.deep, levels.middle, levels.shallow};
  for (std::size_t i = 0; i < names.size(); ++i) {
    graph.output(deepest_first[i], names[i], at::kFloat,
                 {"batch", std::string("channels_of_") + names[i], "map_height", "map_width"});
  }
  write(graph, file);
}

void export_onnx(const DeepLab& network, SegmentationOutput output, const OnnxFile& file) {
  OnnxGraph graph;
  const Value x = image(graph, file);
  const NetworkPart whole(*network);
  const NetworkPart backbone = whole["backbone"];
  const auto [high, low] = backbone_features(graph, backbone, x);
  const std::int64_t stride = backbone.as<Backbone>().output_stride();
  const Value pyramid = aspp(graph, whole["aspp"], high);
  const Value coarse = decoder(graph, whole["decoder"], pyramid, low, enlargement(file, stride, kLowStride));
  const Value logits = resized_like(graph, coarse, x, enlargement(file, kLowStride, 1));
  const std::vector<Extent> scores{"batch", network->class_count(), height_of(file), width_of(file)};
  switch (output) {
    case SegmentationOutput::kLogits:
      graph.output(logits, "logits", at::kFloat, scores);
      break;
    case SegmentationOutput::kProbabilities:
      graph.output(graph.node("Softmax", {logits}, {{"axis", std::int64_t{1}}}), "probabilities", at::kFloat, scores);
      break;
    default: {
      const Value highest = graph.node("ArgMax", {logits}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
      constexpr std::int64_t kUint8 = 2;  // Of ONNX's TensorProto.
      graph.output(graph.node("Cast", {highest}, {{"to", kUint8}}), "class_map", at::kByte,
                   {"batch", height_of(file), width_of(file)});
    }
  }
  write(graph, file);
}

}  // namespace wsss::onnx
