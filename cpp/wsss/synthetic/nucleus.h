// The shape and dyes of one cell nucleus, and how it is painted.
#pragma once

#include <cstdint>

#include "wsss/synthetic/noise.h"
#include "wsss/synthetic/regions.h"
#include "wsss/synthetic/stain.h"

namespace wsss::synthetic {

/// One cell nucleus (or a piece of one): an ellipse with a lobed outline.
struct Nucleus {
  float x = 0.0F;             ///< centre, in pixels
  float y = 0.0F;             ///< centre, in pixels
  UnitVector axis;            ///< direction of the long axis
  float half_length = 5.0F;   ///< in pixels
  float half_width = 4.0F;    ///< in pixels
  float oval = 0.0F;          ///< second harmonic of the outline, share of the radius
  float lobes = 0.0F;         ///< third harmonic of the outline, share of the radius
  float haematoxylin = 1.0F;  ///< dye inside
  float eosin = 0.25F;        ///< dye inside
  float rim = 0.0F;           ///< additional haematoxylin along the membrane
  float chromatin = 0.2F;     ///< strength of the clumps inside, share of `haematoxylin`
  float nucleolus = 0.0F;     ///< additional haematoxylin of a dot off the centre
  float halo = 0.0F;          ///< width of the pale shrinkage gap around, in pixels
  float opacity = 1.0F;       ///< 0 leaves the ground as it is
};

/// Paints a nucleus over the ground, cut off at the border of the patch and of glass.
void stamp_nucleus(DyePlanes& planes, const RegionMap& regions, const Nucleus& nucleus, std::uint64_t key);

}  // namespace wsss::synthetic
