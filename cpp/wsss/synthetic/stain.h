// Haematoxylin and eosin, and how the stained tissue looks in a scan.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "wsss/synthetic/noise.h"

namespace wsss::synthetic {

/// Amounts of the two dyes at every pixel of a patch, both [H, W] row by row, >= 0.
/// 1 is a well stained nucleus (haematoxylin) or dense collagen (eosin).
struct DyePlanes {
  DyePlanes(int rows, int columns);

  int height;
  int width;
  std::vector<float> haematoxylin;
  std::vector<float> eosin;
};

/// How a slide was stained and scanned, which differs between laboratories; drawn once for each patch.
struct StainProfile {
  std::array<float, 3> haematoxylin;  ///< optical density of one unit of dye in R, G, B, in nats
  std::array<float, 3> eosin;         ///< likewise
  std::array<float, 3> light;         ///< R, G, B of empty glass, 0..255
  float blur;                         ///< weight of each neighbour in the 3-tap blur, 0..0.25
  float noise;                        ///< amplitude of the sensor noise in grey levels
};

/// Draws dye strengths (x 0.85 to 1.18), hues, brightness, blur and noise.
StainProfile draw_stain_profile(Random& random);

/// Renders dyes as a photograph: light * exp(-(h * H + e * E)), blurred, with sensor noise.
///
/// Tissue is kept below the grey level at which the method looks for glass (200); glass lies well above it.
///
/// @param planes   dyes; blurred in place.
/// @param mask     [H, W], `kGlass` where the slide is empty.
/// @param key      key of the sensor noise.
/// @return         [H, W, 3] RGB.
std::vector<std::uint8_t> render_stain(DyePlanes& planes, const std::vector<std::uint8_t>& mask,
                                       const StainProfile& profile, std::uint64_t key);

}  // namespace wsss::synthetic
