#include "wsss/onnx/onnx_graph.h"

// The namespace of ONNX inside LibTorch.
#define ONNX_NAMESPACE onnx_torch
#include <torch/csrc/jit/serialization/export.h>

#include "wsss/core/libtorch.h"

namespace wsss::onnx {

namespace {

constexpr std::int64_t kOpset = 17;

/// Field numbers of ONNX's ModelProto and StringStringEntryProto.
constexpr unsigned kProducerName = 2;
constexpr unsigned kMetadata = 14;
constexpr unsigned kKey = 1;
constexpr unsigned kValue = 2;

void append_varint(std::string& bytes, std::uint64_t number) {
  for (; number > 0x7f; number >>= 7) bytes.push_back(static_cast<char>((number & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(number));
}

/// A string or message field of a protocol buffer.
void append_field(std::string& bytes, unsigned field, const std::string& content) {
  constexpr unsigned kLengthDelimited = 2;
  append_varint(bytes, field << 3 | kLengthDelimited);
  append_varint(bytes, content.size());
  bytes += content;
}

void set_attribute(torch::jit::Node* node, const Attribute& attribute) {
  const auto name = c10::Symbol::attr(attribute.first);
  if (const auto* number = std::get_if<std::int64_t>(&attribute.second)) {
    node->i_(name, *number);
  } else if (const auto* real = std::get_if<double>(&attribute.second)) {
    node->f_(name, *real);
  } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute.second)) {
    node->is_(name, *numbers);
  } else {
    node->s_(name, std::get<std::string>(attribute.second));
  }
}

}  // namespace

OnnxGraph::OnnxGraph() : graph_(std::make_shared<torch::jit::Graph>()) {}
OnnxGraph::~OnnxGraph() = default;

Value OnnxGraph::input(const std::string& name, const std::vector<Extent>& shape) {
  Value value = graph_->addInput();
  describe(value, name, at::kFloat, shape);
  return value;
}

Value OnnxGraph::constant(const std::string& name, const at::Tensor& values) {
  const auto [place, is_new] = constant_values_.try_emplace(name, nullptr);
  if (is_new) {
    const at::Tensor stored = values.detach().to(at::kCPU).contiguous();
    place->second = graph_->addInput(name);
    place->second->setType(c10::TensorType::create(stored));
    constants_.emplace(place->second->debugName(), stored);
  }
  return place->second;
}

Value OnnxGraph::node(const char* operation, const std::vector<Value>& inputs, const std::vector<Attribute>& attributes,
                      const std::string& name) {
  torch::jit::Node* node = graph_->create(c10::Symbol::fromQualString(std::string("onnx::") + operation), 1);
  for (Value value : inputs) {
    node->addInput(value != nullptr ? value : graph_->insertNode(graph_->createNone())->output());
  }
  for (const Attribute& attribute : attributes) set_attribute(node, attribute);
  graph_->insertNode(node);
  if (!name.empty()) node->output()->setDebugName(name);
  return node->output();
}

void OnnxGraph::output(Value value, const std::string& name, at::ScalarType type, const std::vector<Extent>& shape) {
  describe(value, name, type, shape);
  graph_->registerOutput(value);
}

void OnnxGraph::describe(Value value, const std::string& name, at::ScalarType type, const std::vector<Extent>& shape) {
  value->setDebugName(name);
  std::vector<std::optional<std::int64_t>> lengths;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto* length = std::get_if<std::int64_t>(&shape[axis]);
    lengths.push_back(length == nullptr ? std::nullopt : std::optional(*length));
    if (length == nullptr) named_axes_[name][static_cast<std::int64_t>(axis)] = std::get<std::string>(shape[axis]);
  }
  value->setType(c10::TensorType::create(type, at::kCPU, c10::SymbolicShape(lengths), c10::VaryingShape<c10::Stride>(),
                                         /*requires_grad=*/false));
}

void OnnxGraph::write_to(AtomicFile& file, const std::map<std::string, std::string>& metadata) const {
  const auto exported = torch::jit::export_onnx(graph_, constants_, kOpset, named_axes_, /*defer_weight_export=*/false,
                                                torch::onnx::OperatorExportTypes::ONNX, /*strip_doc_string=*/true,
                                                /*keep_initializers_as_inputs=*/false);
  const std::string model = torch::jit::serialize_model_proto_to_string(std::get<0>(exported));
  file.write(model.data(), model.size());
  // LibTorch writes no metadata. What is behind a message belongs to it: of a name the last one counts, lists grow.
  std::string more;
  append_field(more, kProducerName, "wsss-tissue-native");
  for (const auto& [key, value] : metadata) {
    std::string entry;
    append_field(entry, kKey, key);
    append_field(entry, kValue, value);
    append_field(more, kMetadata, entry);
  }
  file.write(more.data(), more.size());
}

}  // namespace wsss::onnx
