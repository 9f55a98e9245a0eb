// Bilinear resizing of feature maps, by both rules that the method uses.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace wsss {

/// Bilinear resize of maps with half-pixel centres, edges clamped, no antialiasing (OpenCV's default, and the one used
/// for Grad-CAM).
///
/// @param maps  [N, C, h, w] float32 or float64.
/// @return      [N, C, height, width].
at::Tensor resize_half_pixel(const at::Tensor& maps, std::int64_t height, std::int64_t width);

/// Bilinear resize whose corner samples coincide (align_corners), the one used inside DeepLab v3+.
at::Tensor resize_align_corners(const at::Tensor& maps, std::int64_t height, std::int64_t width);

}  // namespace wsss
