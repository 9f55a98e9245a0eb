// Draws an invented whole slide: pieces of tissue on glass, with pen marks and dust.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/core/cancel.h"

namespace wsss {

/// Value of glass in the masks of invented tissue.
inline constexpr std::uint8_t kSyntheticGlass = 4;

/// An invented slide with its truth.
struct SyntheticSlide {
  int height = 0, width = 0;       ///< px of about 1 um
  std::vector<std::uint8_t> rgb;   ///< [height, width, 3]
  std::vector<std::uint8_t> mask;  ///< [height, width], as TissuePatch has it; pens and dust are glass.
};

/// Invents a slide: one stain and scanner, several pieces of tissue that differ in everything else, each with all four
/// classes. The same bytes on every x86-64 machine, as for patches.
///
/// @param slide_index  of the slide in the endless sequence of the seed.
/// @param height       in pixels, 256 to 8192; more pixels show more tissue.
/// @param width        likewise.
/// @throws Error       kOption if the size is out of bounds; kCancelled.
SyntheticSlide synthesize_slide(std::uint64_t seed, std::uint64_t slide_index, int height, int width,
                                const CancelToken& cancel);

}  // namespace wsss
