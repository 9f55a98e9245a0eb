#pragma once

#include <ATen/core/Tensor.h>

#include "wsss/convolution/epilogue.h"

namespace wsss {

/// How a convolution walks over its input.
struct ConvolutionShape {
  at::IntArrayRef stride, padding, dilation;  ///< Two each.
  std::int64_t groups = 1;
};

/// activation(conv(x, weight) + bias + shortcut) in one call of oneDNN; all of one type, float32 or
/// bfloat16, on the CPU, without gradients.
///
/// @param bias      [K], or undefined for none.
/// @param shortcut  of the output's shape, or undefined for none.
at::Tensor pointwise_fused(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& shortcut, const ConvolutionShape& shape, Activation activation);

}  // namespace wsss
