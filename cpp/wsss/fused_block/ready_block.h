// Keeps an inverted residual's packed weights between calls of inference.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "wsss/core/tensor_state.h"
#include "wsss/fused_block/packed_block.h"

namespace wsss {

/// A convolution's weight, and what its batch norm in evaluation does to each channel.
struct NormedWeight {
  at::Tensor weight;
  at::Tensor scale, shift;  ///< [K]. Whoever makes a new shift makes a new scale.
};

/// A packed block, kept from call to call.
class ReadyBlock {
 public:
  /// Packs the weights, unless they, the scales and the type are those of the call before.
  ///
  /// @param type    float32 or bfloat16: what maps are stored as.
  /// @param expand  undefined tensors where there is no expansion.
  const PackedBlock& made_for(const BlockShape& shape, at::ScalarType type, const NormedWeight& expand,
                              const NormedWeight& depthwise, const NormedWeight& project);
  void release() { *this = ReadyBlock(); }

 private:
  PackedBlock packed_;
  std::array<TensorState, 6> made_from_;
};

}  // namespace wsss
