#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// A dense 3x3 convolution of stride 1, without bias, whose padding equals its dilation, on the CPU in float32; maps
/// channels-last. Differentiable once, in both.
///
/// @param x       [N, C, H, W]
/// @param weight  [K, C, 3, 3]
/// @return        [N, K, H, W]
at::Tensor same_convolution(const at::Tensor& x, const at::Tensor& weight, std::int64_t dilation);

/// Gradient of the weight as a sum over the taps, each over the part of the map where it does not lie in the padding:
/// of an atrous convolution on a small map that is most of them. [K, C, 3, 3]
at::Tensor weight_gradient_by_taps(const at::Tensor& x, const at::Tensor& gradient, std::int64_t dilation);

}  // namespace wsss
