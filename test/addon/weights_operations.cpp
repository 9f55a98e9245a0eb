// Test operations on number texts, ResNet38's MXNet names and MXNet files.

#include <cstring>

#include "workspace.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/number_text.h"
#include "wsss/weights/foreign_names.h"

namespace wsss::test {

namespace {

// {names} -> names: our name of each MXNet name, one per line, empty for names without one
void resnet38_names(Workspace& w, const Fields& fields) {
  std::string text;
  for (const auto& name : fields.strings("names")) text += resnet38_name(name) + "\n";
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  w.set("names", bytes);
}

// {path} -> the tensors of an MXNet file under our names
void mxnet_tensors(Workspace& w, const Fields& fields) {
  const NamedForNetwork named = named_for_network(read_weight_file(fields.string("path")), {"fc8.weight"});
  for (const auto& [name, tensor] : named.tensors) w.set(name, tensor.clone());
}

}  // namespace

void add_weights_operations(OperationTable& table) {
  // {} x [n] float64 -> out [n]: each number written as text and read again
  table["number_text"] = [](Workspace& w, const Fields&) {
    at::Tensor numbers = w.get("x").clone();
    auto* values = numbers.data_ptr<double>();
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
      const std::string text = exact_text(values[i]);
      double read = 0.0;
      values[i] = read_number(text + "#", read) == text.size() ? read : -1.0;
    }
    w.set("out", numbers);
  };
  // {text} -> out [2]: how many characters the number at its start takes, and the number
  table["read_number"] = [](Workspace& w, const Fields& fields) {
    double value = 0.0;
    const auto length = static_cast<double>(read_number(fields.string("text"), value));
    w.set("out", at::tensor({length, value}, at::kDouble));
  };
  table["resnet38_names"] = resnet38_names;
  table["mxnet_tensors"] = mxnet_tensors;
}

}  // namespace wsss::test
