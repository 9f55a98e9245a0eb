// The table of test operations, and the named tensors that they share.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>

#include "../../binding/fields.h"

namespace wsss::test {

using binding::Fields;

/// Named tensors that operations read and write, so that a network of 105 million parameters never has to cross into
/// JavaScript: only strided slices and statistics do.
class Workspace {
 public:
  const at::Tensor& get(const std::string& name) const;
  bool has(const std::string& name) const { return tensors_.count(name) != 0; }
  void set(const std::string& name, const at::Tensor& tensor) { tensors_[name] = tensor.detach(); }
  void clear() { tensors_.clear(); }

 private:
  std::map<std::string, at::Tensor> tensors_;
};

/// Reads inputs from the workspace and parameters from the fields, calls the product, and writes the results into the
/// workspace.
using Operation = std::function<void(Workspace&, const Fields&)>;
using OperationTable = std::map<std::string, Operation>;

void add_rule_operations(OperationTable& table);
void add_classifier_operations(OperationTable& table);
void add_mask_operations(OperationTable& table);
void add_convolution_operations(OperationTable& table);
void add_kernel_operations(OperationTable& table);
void add_segmenter_operations(OperationTable& table);
void add_network_operations(OperationTable& table);
void add_residual_operations(OperationTable& table);
void add_training_operations(OperationTable& table);
void add_group_operations(OperationTable& table);
void add_evaluation_operations(OperationTable& table);
void add_recording_operations(OperationTable& table);
void add_memory_operations(OperationTable& table);
void add_augmentation_operations(OperationTable& table);
void add_label_operations(OperationTable& table);
void add_onnx_operations(OperationTable& table);
void add_weights_operations(OperationTable& table);

/// "float64" or "float32" of the field `dtype`.
c10::ScalarType dtype_of(const Fields& fields);
/// A number as JavaScript prints it: 0.8, 1, 0.941192.
std::string js_number(double value);
/// float32(uint8) / 255 of rule images, [N, 3, H, W].
at::Tensor rule_images(const std::vector<std::string>& tags, std::int64_t height, std::int64_t width,
                       c10::ScalarType dtype);

}  // namespace wsss::test
