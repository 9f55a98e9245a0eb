// A picture of a whole slide with the classes laid over it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "wsss/slide/slide_picture.h"

namespace wsss {

/// @param scale_x, scale_y  px of level 0 that a pixel of the map is wide and high.
/// @param factor      px of the map that a pixel of the picture is wide and high.
/// @param small_map   [height, width] of the picture; the last colour's value is background, which nothing is laid
/// over.
/// @param colours     of the values.
SlidePicture overlay_of(const Slide& slide, double scale_x, double scale_y, std::int64_t factor,
                        const std::vector<std::uint8_t>& small_map, std::int64_t width, std::int64_t height,
                        const std::vector<std::array<std::uint8_t, 3>>& colours, int threads, const StopCheck& check);

/// The same with the probability of one class: dark violet is 0, yellow is 1; nothing lies over background.
///
/// @param small_heat  [height, width], 255 = 1.
/// @param background  value of `small_map` where there is no tissue.
SlidePicture heat_of(const Slide& slide, double scale_x, double scale_y, std::int64_t factor,
                     const std::vector<std::uint8_t>& small_map, const std::vector<std::uint8_t>& small_heat,
                     std::int64_t width, std::int64_t height, std::uint8_t background, int threads,
                     const StopCheck& check);

}  // namespace wsss
