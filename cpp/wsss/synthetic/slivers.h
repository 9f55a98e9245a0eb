// Cleans up invented regions: small areas and rare classes go to their neighbours.
#pragma once

#include "wsss/synthetic/regions.h"

namespace wsss::synthetic {

/// Gives connected areas of one class that are smaller than `min_area_px` to the class around them (4-connectivity).
/// Glass areas smaller than 50 px, which the method does not count as background, are among them.
void merge_small_areas(RegionMap& regions, int min_area_px);

/// Gives every tissue class that covers less than 3 % of the patch to the nearest other tissue.
/// Labels and masks agree from then on.
void remove_rare_classes(RegionMap& regions);

}  // namespace wsss::synthetic
