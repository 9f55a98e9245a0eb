// How well a map agrees with what was drawn on its slide.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "wsss/class_map/pyramid_reader.h"
#include "wsss/slide_patches/polygon_set.h"

namespace wsss {

/// Counts the pixels of a map by their true class and the one that the map has.
///
/// @param truth    polygons with the values 0 to classes - 1; pixels of other values, and of none, are not counted.
/// @param scale_x  px of level 0 that a pixel of the map is wide.
/// @param scale_y  px of level 0 that a pixel of the map is high.
/// @param check    asked for each tile; throws to stop.
/// @return         [classes, classes + 1]: rows are true classes; the last column is background.
/// @throws Error as PyramidReader.
std::vector<std::int64_t> confusion_of(const PyramidReader& map, const PolygonSet& truth, double scale_x,
                                       double scale_y, std::int64_t classes, const std::function<void()>& check);

}  // namespace wsss
