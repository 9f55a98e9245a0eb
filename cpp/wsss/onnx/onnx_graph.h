// An ONNX model in the making: nodes, constants, inputs, outputs, and the bytes of the file.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "wsss/weights/atomic_file.h"

namespace torch::jit {
struct Graph;
struct Value;
}  // namespace torch::jit

namespace wsss::onnx {

/// A tensor of the graph.
using Value = torch::jit::Value*;

/// An attribute of a node: name and value.
using Attribute = std::pair<const char*, std::variant<std::int64_t, double, std::vector<std::int64_t>, std::string>>;

/// Length of an axis: a number, or a name where it is known when the model runs.
using Extent = std::variant<std::int64_t, std::string>;

/// A graph of operations of ONNX's opset 17, put together node by node. LibTorch's own graph and serialiser make the
/// file of it.
class OnnxGraph {
 public:
  OnnxGraph();
  ~OnnxGraph();
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  /// What the model reads: float32.
  Value input(const std::string& name, const std::vector<Extent>& shape);
  /// A tensor that lies in the file: float32 or int64. The same name twice must mean the same tensor.
  Value constant(const std::string& name, const at::Tensor& values);
  /// An operation with one output.
  ///
  /// @param inputs  nullptr stands for an optional input that is left out.
  /// @param name    of its output, where readers of the file may look for it; empty: a number.
  Value node(const char* operation, const std::vector<Value>& inputs, const std::vector<Attribute>& attributes = {},
             const std::string& name = {});
  /// Makes a tensor an output of the model.
  void output(Value value, const std::string& name, at::ScalarType type, const std::vector<Extent>& shape);

  /// Writes the file, a ModelProto with this metadata; it is then to be committed.
  /// @throws Error kIo
  void write_to(AtomicFile& file, const std::map<std::string, std::string>& metadata) const;

 private:
  void describe(Value value, const std::string& name, at::ScalarType type, const std::vector<Extent>& shape);

  std::shared_ptr<torch::jit::Graph> graph_;
  std::map<std::string, at::Tensor> constants_;
  std::map<std::string, Value> constant_values_;
  std::unordered_map<std::string, std::unordered_map<std::int64_t, std::string>> named_axes_;
};

}  // namespace wsss::onnx
