// Launches the kernel for the gradient of bilinearly enlarged feature maps.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// Whether launch_enlargement_gradient() takes maps: float32 or bfloat16 on a device for which we have kernels.
bool can_launch_enlargement(const at::Tensor& maps);

/// The gradient of resize_align_corners() by our own kernel.
///
/// @param gradient       [N, C, H, W], float32 or bfloat16.
/// @param height, width  of the maps before they were enlarged.
/// @return               [N, C, height, width], channels-last.
at::Tensor launch_enlargement_gradient(const at::Tensor& gradient, std::int64_t height, std::int64_t width);

}  // namespace wsss
