// Convolutions of each channel by itself, with their gradients, by loops of our own.
#pragma once

#include <ATen/core/Tensor.h>

namespace wsss {

/// What a depthwise convolution does along both sides of a map.
struct DepthwiseShape {
  std::int64_t kernel, stride, dilation, padding;
};

/// Whether depthwise_convolution() takes the maps and the weight: float32 or bfloat16 on the CPU, kernels of 3 or 5,
/// weights in float32.
bool takes_depthwise(const at::Tensor& x, const at::Tensor& weight);

/// Products and sums are float32, whatever maps are stored as; those of a weight's gradient are added up in float64
/// image by image, in an order that depends on the number of threads alone.
///
/// @param x       [N, C, H, W] float32 or bfloat16.
/// @param weight  [C, 1, k, k] float32.
/// @return        of x's type, channels-last.
at::Tensor depthwise_convolution(const at::Tensor& x, const at::Tensor& weight, const DepthwiseShape& shape);

}  // namespace wsss
