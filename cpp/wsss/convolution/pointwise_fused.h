// oneDNN's convolution with bias, shortcut and activation, for inference on a CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/convolution/epilogue.h"

namespace wsss {

/// How a convolution walks over its input.
struct ConvolutionShape {
  at::IntArrayRef stride, padding, dilation;  ///< Two each.
  std::int64_t groups = 1;
};

/// A weight as oneDNN wants it for inputs of one size. pointwise_fused() takes it; a plain weight it would rearrange in
/// every call.
///
/// @param weight      [K, C / groups, k, k], float32 or bfloat16, on the CPU.
/// @param input_size  [N, C, H, W]
/// @return            opaque.
at::Tensor packed_weight(const at::Tensor& weight, at::IntArrayRef input_size, const ConvolutionShape& shape);

/// activation(conv(x, weight) + bias + shortcut) in one call of oneDNN; all of one type, float32 or bfloat16, on the
/// CPU, without gradients.
///
/// @param weight    plain, or from packed_weight().
/// @param bias      [K], or undefined for none.
/// @param shortcut  of the output's shape, or undefined for none.
at::Tensor pointwise_fused(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& shortcut, const ConvolutionShape& shape, Activation activation);

}  // namespace wsss
