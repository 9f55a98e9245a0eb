// Gaussian blur of an RGB patch, the same as Pillow's.
#pragma once

#include <cstdint>

#include "wsss/kernels/augment.h"

namespace wsss {

inline constexpr int kBlurPasses = 3;

/// The box whose `kBlurPasses`-fold application has the variance of the Gaussian (Gwosdek et al. 2011, the extended box
/// filter). In float32 as Pillow computes it: the weights decide how every pass rounds. All zero for radius 0.
Box blur_box(double radius);

/// Gaussian blur as Pillow's ImageFilter.GaussianBlur approximates it, bit for bit: three box passes along the rows,
/// then three along the columns, each rounded to uint8, edges replicated. Stage 3 augments with it.
///
/// @param rgb     height * width * 3 bytes, interleaved; changed in place.
/// @param radius  standard deviation in pixels, 0 or more; 0 changes nothing.
void gaussian_blur(std::uint8_t* rgb, std::int64_t height, std::int64_t width, double radius);

}  // namespace wsss
