// Scale, shift, shortcut and activation of feature maps in a single pass, with gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/convolution/epilogue.h"

namespace wsss {

/// Whether affine_activation() takes maps: float32 or bfloat16, on the CPU, or on CUDA if the plugin is there and
/// channels are a multiple of four.
bool takes_affine(const at::Tensor& x);

/// activation(x * scale + shift + shortcut) in one pass over channels-last maps: a batch norm that keeps its
/// statistics, with what follows it. Differentiable in x and shortcut; for that the output is kept, not the input.
///
/// @param x             [N, C, H, W]
/// @param scale, shift  [C]
/// @param shortcut      [N, C, H, W], or undefined for none.
at::Tensor affine_activation(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                             const at::Tensor& shortcut, Activation activation);

}  // namespace wsss
