// An inverted residual in one go, for inference on a CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/fused_block/packed_block.h"

namespace wsss {

/// Whether fused_block() takes maps and blocks of a shape: float32 or bfloat16 on the CPU, kernel of 3 or 5, stride of
/// 1 or 2.
bool takes_fused_block(const at::Tensor& x, const BlockShape& shape);

/// Expansion, depthwise convolution and projection with their batch norms, ReLU6 and shortcut, without gradients.
///
/// @param x  [N, C, H, W] of the type that the block is packed for. Products are of that type, everything between the
///           expansion and the projection is float32.
/// @return   of the same type, channels-last; where its channels are no multiple of kLanes, each pixel is followed by
/// zeros up to one.
at::Tensor fused_block(const at::Tensor& x, const PackedBlock& block);

}  // namespace wsss
