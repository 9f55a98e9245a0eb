// Launches the kernels for scale, shift, shortcut and activation of feature maps.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/convolution/epilogue.h"

namespace wsss {

// The operations of kernels/affine.h on channels-last maps, float32 or bfloat16, with a multiple of four channels, as
// they run on CUDA. On the CPU only the tests call them; otherwise vectorised loops do the same there.

/// y = clamp(x * scale + shift + shortcut).
void launch_affine(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, const at::Tensor& shortcut,
                   const Bounds& bounds, at::Tensor& y);

/// The gradients of launch_affine() from its output.
///
/// @param of_shortcut  undefined for none.
void launch_affine_gradient(const at::Tensor& gradient, const at::Tensor& y, const at::Tensor& scale,
                            const Bounds& bounds, at::Tensor& of_x, at::Tensor& of_shortcut);

}  // namespace wsss
