// Tensors made from the raw bytes of a weight file, with their shapes checked.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "wsss/weights/containers.h"

namespace wsss {

/// The number of elements of a shape, checked before any tensor is made of it.
///
/// @throws Error  kWeights if an extent is negative, or the product of those that are not 0 does not fit 63 bits.
std::int64_t checked_element_count(const std::vector<std::int64_t>& shape, const std::string& name);

/// A flat tensor over bytes of a file: a view of them where they are aligned for the type, a copy elsewhere.
/// bytes.size() must be a multiple of the element size.
at::Tensor flat_tensor(const WeightBytes& bytes, c10::ScalarType type);

/// A view of a flat tensor.
///
/// @throws Error  kWeights if it reaches outside, or repeats elements: no tensor of a network does, and a few bytes
///                could claim any size.
at::Tensor strided_view(const at::Tensor& flat, const std::vector<std::int64_t>& shape,
                        const std::vector<std::int64_t>& strides, std::int64_t offset, const std::string& name);

}  // namespace wsss
