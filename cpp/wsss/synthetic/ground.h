// The ground of invented tissue between its nuclei, and the course of its fibres.
#pragma once

#include <cstdint>

#include "wsss/synthetic/noise.h"
#include "wsss/synthetic/regions.h"
#include "wsss/synthetic/stain.h"

namespace wsss::synthetic {

/// The wavy course of the collagen fibres in one patch.
class FibreField {
 public:
  explicit FibreField(std::uint64_t key);

  /// Position of a pixel in the frame of the fibres: `along` runs with them, `across` from one to the next, in pixels.
  void locate(float x, float y, float& along, float& across) const;
  /// Direction of the fibres at a pixel.
  UnitVector direction(float x, float y) const;

 private:
  std::uint64_t swing_key_;
  std::uint64_t wave_key_;
  UnitVector course_;
};

/// Paints what lies between the nuclei: cytoplasm, collagen fibres, the pale ground of lymphocytes, necrotic debris.
/// Writes both dyes at every pixel; glass gets a trace of dirt.
void paint_ground(DyePlanes& planes, const RegionMap& regions, const FibreField& fibres, std::uint64_t key);

}  // namespace wsss::synthetic
