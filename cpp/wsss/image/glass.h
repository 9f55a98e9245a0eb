// Detection of glass, the white background without tissue, in a patch.
#pragma once

#include <cstdint>
#include <vector>

namespace wsss {

/// How white areas (glass without tissue) are found.
struct GlassRule {
  int grey_above = 200;           ///< A pixel is white if its grey value is strictly above this, 0..255.
  std::int64_t min_area_px = 50;  ///< Connected white areas of fewer pixels are tissue; exactly this many are glass.
};

/// Grey value of each pixel in OpenCV's 15-bit fixed point: (9798 R + 19235 G + 3735 B + 2^14) >> 15.
///
/// @param rgb     height * width * 3 bytes, interleaved.
/// @return        height * width bytes.
std::vector<std::uint8_t> grey_values(const std::uint8_t* rgb, std::int64_t height, std::int64_t width);

/// White areas of a patch: 1 where glass, 0 elsewhere. Areas are connected over their four neighbours; holes are not
/// filled.
///
/// @param rgb     height * width * 3 bytes, interleaved.
/// @return        height * width bytes of 0 or 1.
std::vector<std::uint8_t> glass_mask(const std::uint8_t* rgb, std::int64_t height, std::int64_t width,
                                     const GlassRule& rule);

}  // namespace wsss
