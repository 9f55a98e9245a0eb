// Convolutions of stride 1 that keep a map's size, with our own gradients for the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// A dense convolution with a kernel of 1 or 3 and stride 1, without bias, whose padding keeps the size of the map, on
/// the CPU; maps channels-last. Differentiable once, in x and weight.
///
/// @param x       [N, C, H, W], float32 or bfloat16, in which it multiplies.
/// @param weight  [K, C, k, k] float32, and so is its gradient.
/// @return        [N, K, H, W] of the type of x.
at::Tensor same_convolution(const at::Tensor& x, const at::Tensor& weight, std::int64_t dilation);

/// Gradient of the weight tap by tap, each summed only over the part of the map where it does not fall into the
/// padding, which is most of a small map in an atrous convolution. [K, C, k, k], of the type of x.
at::Tensor weight_gradient_by_taps(const at::Tensor& x, const at::Tensor& gradient, std::int64_t kernel,
                                   std::int64_t dilation);

}  // namespace wsss
