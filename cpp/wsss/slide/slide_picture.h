// A whole slide as a small picture.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/slide/slide.h"

namespace wsss {

struct SlidePicture {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  ///< [height, width, 3]
};

/// Reads a slide from its corner on, in bands, on several threads.
///
/// @param scale_x, scale_y  px of level 0 that a pixel of the picture is wide and high.
/// @throws as Slide::read().
SlidePicture read_whole(const Slide& slide, double scale_x, double scale_y, std::int64_t width, std::int64_t height,
                        int threads, const StopCheck& check);

/// Pixels of so many px of level 0 each that cover a side of a slide.
std::int64_t pixels_to_cover(std::int64_t size, double scale);

}  // namespace wsss
