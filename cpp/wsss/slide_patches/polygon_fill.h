// Polygons become the masks of patches.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/slide/slide.h"
#include "wsss/slide_patches/polygon_set.h"

namespace wsss {

/// Value of pixels that lie in no polygon: nobody has said what they are.
inline constexpr std::uint8_t kNotAnnotated = 255;

/// Fills the mask of a region: a pixel has the value of the last polygon that its centre lies in. A line that crosses
/// itself encloses what it goes round (the nonzero rule), so that the loop of an unsteady hand is no hole.
///
/// @param mask  [height, width]
void fill_polygons(const PolygonSet& set, const SlideRegion& region, std::uint8_t* mask);

/// How many pixels of the mask of each region have the values below `values`: [regions, values].
///
/// @param check  asked for each region; throws to stop.
std::vector<double> count_annotated_pixels(const PolygonSet& set, const std::vector<SlideRegion>& regions,
                                           std::int64_t values, const StopCheck& check);

/// The masks of regions of one size: [regions, height, width].
std::vector<std::uint8_t> draw_annotated_masks(const PolygonSet& set, const std::vector<SlideRegion>& regions,
                                               const StopCheck& check);

}  // namespace wsss
