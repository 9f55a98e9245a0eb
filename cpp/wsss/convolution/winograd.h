// Winograd's minimal filtering for 3x3 convolutions on a CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "wsss/convolution/epilogue.h"

namespace wsss::winograd {

// A 3x3 convolution of stride 1 whose padding equals its dilation, by minimal filtering: a quarter of the products of
// the direct sum, and more rounding than it has. Maps are [N, C, H, W], float32 or bfloat16, on the CPU, made
// channels-last if they are not; channel counts are multiples of 16; results are channels-last and of the maps' type.
// Weights and their gradients are float32.

/// Whether the functions below take this convolution.
bool takes(const at::Tensor& maps, const at::Tensor& weight);

/// Whether they are faster than the direct sum: not where tiles would reach far over the border of the map, nor where
/// there are few tiles for each weight, or few channels.
bool pays(const at::Tensor& maps, const at::Tensor& weight, std::int64_t dilation);

/// How many tiles the maps are cut into: the rows of each product with the weights.
std::int64_t tile_count(const at::Tensor& maps, std::int64_t dilation);

/// weight [K, C, 3, 3] -> what convolve() multiplies with: [36, K, C].
///
/// @param type  of the maps.
at::Tensor transformed_weight(const at::Tensor& weight, c10::ScalarType type);

/// What convolve() does to its output while it writes it: activation(y * scale + shift + shortcut).
struct After {
  at::Tensor scale, shift;  ///< [K], or both undefined.
  at::Tensor shortcut;      ///< Of the output's shape, or undefined.
  Activation activation = Activation::kNone;
};

/// maps [N, C, H, W], weight of transformed_weight() -> [N, K, H, W].
at::Tensor convolve(const at::Tensor& maps, const at::Tensor& transformed_weight, std::int64_t dilation,
                    const After& after = {});

/// Gradient of the input: gradient of the output [N, K, H, W], weight [K, C, 3, 3] -> [N, C, H, W].
at::Tensor input_gradient(const at::Tensor& gradient, const at::Tensor& weight, std::int64_t dilation);

/// Gradient of the weight: input [N, C, H, W], gradient of the output [N, K, H, W] -> [K, C, 3, 3].
at::Tensor weight_gradient(const at::Tensor& maps, const at::Tensor& gradient, std::int64_t dilation);

}  // namespace wsss::winograd
