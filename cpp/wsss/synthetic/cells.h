// The cell nuclei of invented tissue, class by class.
#pragma once

#include <cstdint>

#include "wsss/synthetic/ground.h"
#include "wsss/synthetic/regions.h"
#include "wsss/synthetic/stain.h"

namespace wsss::synthetic {

/// Paints the cells of every class over the ground:
/// tumour - large irregular nuclei with clumped chromatin, some in rings around a gland's lumen;
/// stroma - few spindles along the fibres; lymphocytes - dense small round dark nuclei;
/// necrosis - fading ghost nuclei and scattered debris.
void paint_cells(DyePlanes& planes, const RegionMap& regions, const FibreField& fibres, std::uint64_t key);

}  // namespace wsss::synthetic
