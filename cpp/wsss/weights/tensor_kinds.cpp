#include "wsss/weights/tensor_kinds.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wsss {

namespace {

// Element types by what PyTorch calls them and, before "Storage" and "Tensor", their classes.
struct TypeRow {
  c10::ScalarType type;
  std::string_view name;
  std::string_view class_name;
  bool is_read;
};
constexpr std::array<TypeRow, 17> kTypes{{{c10::kFloat, "float32", "Float", true},
                                          {c10::kDouble, "float64", "Double", true},
                                          {c10::kHalf, "float16", "Half", true},
                                          {c10::kBFloat16, "bfloat16", "BFloat16", true},
                                          {c10::kLong, "int64", "Long", true},
                                          {c10::kInt, "int32", "Int", true},
                                          {c10::kShort, "int16", "Short", true},
                                          {c10::kChar, "int8", "Char", true},
                                          {c10::kByte, "uint8", "Byte", true},
                                          {c10::kBool, "bool", "Bool", true},
                                          {c10::kComplexFloat, "complex64", "ComplexFloat", false},
                                          {c10::kComplexDouble, "complex128", "ComplexDouble", false},
                                          {c10::kQInt8, "qint8", "QInt8", false},
                                          {c10::kQUInt8, "quint8", "QUInt8", false},
                                          {c10::kQInt32, "qint32", "QInt32", false},
                                          {c10::kQUInt4x2, "quint4x2", "QUInt4x2", false},
                                          {c10::kQUInt2x4, "quint2x4", "QUInt2x4", false}}};

}  // namespace

std::string dtype_name(c10::ScalarType type) {
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& one) { return one.type == type; });
  return row == kTypes.end() ? c10::toString(type) : std::string(row->name);
}

bool is_read(c10::ScalarType type) {
  return std::any_of(kTypes.begin(), kTypes.end(), [&](const TypeRow& one) { return one.type == type && one.is_read; });
}

std::optional<c10::ScalarType> element_type_of(std::string_view class_name) {
  std::string_view name = class_name.substr(class_name.rfind('.') + 1);
  if (name == "UntypedStorage") return c10::kByte;
  for (const std::string_view ending : {"Storage", "Tensor"}) {
    if (!name.ends_with(ending)) continue;
    name.remove_suffix(ending.size());
    const auto* row =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& one) { return one.class_name == name; });
    if (row != kTypes.end()) return row->type;
  }
  return std::nullopt;
}

std::string advice_for(const std::string& kind) {
  if (kind.starts_with("sparse")) return "make it dense with .to_dense()";
  if (kind.starts_with("quantized")) return "make it plain with .dequantize()";
  if (kind.starts_with("meta")) return "load the model's weights before you save it";
  if (kind.starts_with("complex")) return "keep its real part with .real";
  return "make it a plain tensor with .float()";
}

}  // namespace wsss
