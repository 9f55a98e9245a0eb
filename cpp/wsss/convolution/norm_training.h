// Batch norm in training on a CPU, together with the shortcut and activation that follow it.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/convolution/epilogue.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

/// activation(norm(x) + shortcut) of a batch norm in training: channels-last maps, float32 or bfloat16 on the CPU.
/// Statistics are summed in double, so that they do not depend on how a map lies in memory. Updates the running
/// statistics as torch::nn::BatchNorm2d does. Differentiable in x, the norm's weight and bias, and shortcut.
///
/// @param x         [N, C, H, W] of more than one position in all.
/// @param shortcut  of the same shape, or undefined for none.
at::Tensor norm_in_training(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x, Activation activation,
                            const at::Tensor& shortcut);

}  // namespace wsss
