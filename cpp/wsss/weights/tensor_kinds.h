// Names of tensor element types, and which of them can be read.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

namespace wsss {

/// An element type as PyTorch spells it: "float32", "int64", "complex64", "qint8", ...
std::string dtype_name(c10::ScalarType type);

/// Whether tensors of that element type are read: real and whole numbers that our networks can be filled with.
bool is_read(c10::ScalarType type);

/// The element type of a storage or tensor class, such as "torch.cuda.FloatStorage", read here or not; devices do not
/// matter. Untyped storages count bytes.
std::optional<c10::ScalarType> element_type_of(std::string_view class_name);

/// What to do in Python with a tensor of a kind that is not read, as a clause for a message.
std::string advice_for(const std::string& kind);

}  // namespace wsss
