// How far a patch is from the microscope and the stain of another laboratory: jitter of light and of dyes.
#pragma once

#include <cstdint>

#include "wsss/kernels/recolour.h"

namespace wsss {

/// Light as torchvision's ColorJitter changes it, in its order: brightness, contrast, saturation, hue. All four are
/// linear here, so that one map does them at once: nothing is cut off in between, and hue is a turn of the chroma in
/// YIQ.
struct LightJitter {
  double brightness = 1.0;  ///< Factor on all values.
  double contrast = 1.0;    ///< Factor on distances from the mean grey of the whole patch.
  double saturation = 1.0;  ///< Factor on distances from each pixel's own grey.
  double hue = 0.0;         ///< Turns of the chroma, -0.5 to 0.5.

  bool changes() const { return brightness != 1.0 || contrast != 1.0 || saturation != 1.0 || hue != 0.0; }
};

/// Amounts of the two dyes (Tellez et al. 2018): a factor, and an amount that is added, in units of the dye's density.
struct StainJitter {
  double haematoxylin = 1.0, haematoxylin_shift = 0.0;
  double eosin = 1.0, eosin_shift = 0.0;

  bool changes() const {
    return haematoxylin != 1.0 || haematoxylin_shift != 0.0 || eosin != 1.0 || eosin_shift != 0.0;
  }
};

/// Mean of 0.299 r + 0.587 g + 0.114 b over a patch, 0 to 255.
double mean_grey(const std::uint8_t* rgb, std::int64_t pixels);

/// @param mean_grey  as mean_grey() says; of no matter without a change of contrast.
Recolouring recolouring_of(const LightJitter& light, const StainJitter& stain, double mean_grey);

/// Tables in host memory, for the life of the process.
DensityTables density_tables();

}  // namespace wsss
