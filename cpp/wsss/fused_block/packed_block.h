// The weights of an inverted residual in the order in which inference reads them.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

#include "wsss/convolution/stored.h"
#include "wsss/fused_block/block_shape.h"

namespace wsss {

/// How many vectors of kLanes some channels fill.
constexpr std::int64_t vectors_of(std::int64_t channels) { return (channels + kLanes - 1) / kLanes; }

/// Vectors of outputs that one pass over the pixels computes.
inline constexpr std::int64_t kVectorsOfAPass = 2;

/// Inputs that a processor multiplies with one instruction: bfloat16 goes in pairs.
constexpr std::int64_t inputs_at_once(at::ScalarType type) { return type == at::kBFloat16 ? 2 : 1; }

/// A 1x1 convolution: for each pass [depth / inputs at once][vectors of the pass][kLanes][inputs at once], zeros where
/// there is no output or input.
struct PackedPointwise {
  at::Tensor weight;       ///< 1-D, of the type that maps are stored as.
  at::Tensor shift;        ///< [vectors_of(out) * kLanes] float32
  std::int64_t depth = 0;  ///< Inputs, filled up to whole pairs where they go in pairs.
  std::int64_t out = 0;

  std::int64_t passes() const { return (vectors_of(out) + kVectorsOfAPass - 1) / kVectorsOfAPass; }
  std::int64_t vectors(std::int64_t pass) const {
    return std::min(kVectorsOfAPass, vectors_of(out) - pass * kVectorsOfAPass);
  }
  template <typename T>
  const T* weight_of(std::int64_t pass) const {
    return weight.const_data_ptr<T>() + pass * kVectorsOfAPass * kLanes * depth;
  }
  const float* shift_of(std::int64_t pass) const {
    return shift.const_data_ptr<float>() + pass * kVectorsOfAPass * kLanes;
  }
};

/// @param weight  [out, in, 1, 1] float32
/// @param scale, shift  [out] float32: of the batch norm that follows.
/// @param type          float32 or bfloat16: what maps are stored as.
PackedPointwise packed_pointwise(const at::Tensor& weight, const at::Tensor& scale, const at::Tensor& shift,
                                 at::ScalarType type);

/// A depthwise convolution: [vectors][k * k][kLanes], zeros where there is no channel.
struct PackedDepthwise {
  at::Tensor weight;  ///< 1-D float32, whatever maps are stored as.
  at::Tensor shift;   ///< [vectors * kLanes]
};

/// @param weight  [C, 1, k, k] float32
PackedDepthwise packed_depthwise(const at::Tensor& weight, const at::Tensor& scale, const at::Tensor& shift);

/// An inverted residual whose batch norms are folded into its weights.
struct PackedBlock {
  BlockShape shape{};
  at::ScalarType type = at::kFloat;  ///< What maps are stored as outside the block.
  PackedPointwise expand;            ///< Undefined tensors where there is no expansion.
  PackedDepthwise depthwise;
  PackedPointwise project;
};

}  // namespace wsss
