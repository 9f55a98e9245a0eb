// Where on a slide patches are cut: one grid for the whole slide, where there is enough tissue.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/slide/slide.h"
#include "wsss/slide/tissue.h"

namespace wsss {

/// A grid of squares of one size.
struct PatchGrid {
  double scale_x = 1.0, scale_y = 1.0;  ///< Px of level 0 that a pixel of a patch is wide and high.
  std::int64_t side = 0;                ///< Of a patch, in its own px.
  std::int64_t stride = 0;              ///< From patch to patch, in px of patches.
  double min_tissue = 0.0;              ///< Share of a patch that must be tissue, 0 to 1.
};

/// A square of the grid that holds enough tissue.
struct GridPatch {
  std::int64_t x = 0, y = 0;  ///< Corner, in px of level 0.
  double tissue = 0.0;        ///< Share of it that is tissue; beyond the slide there is none.
};

/// The patches of a slide, row by row from its corner on. Those that lie over its edge are among them, if enough of
/// them is tissue.
std::vector<GridPatch> patches_with_tissue(std::int64_t slide_width, std::int64_t slide_height,
                                           const TissueMask& tissue, const PatchGrid& grid);

/// Where on the slide a patch lies.
SlideRegion region_of(double x, double y, const PatchGrid& grid);

}  // namespace wsss
