// The kernel that changes the colours of patches: their stain in optical density, then their light.
#pragma once

#include <cstdint>

#include "wsss/kernels/host_device.h"

namespace wsss {

/// Everything is in whole numbers, so that a CPU and a GPU make the same bytes. Coefficients are in 1/65536.
inline constexpr int kColourShift = 16;
/// Optical densities are in 1/512; that of the darkest value is below 6.
inline constexpr int kDensitySteps = 512;
inline constexpr int kLargestDensity = 6 * kDensitySteps;

/// An affine map of three channels: row c is {r, g, b, constant}. For values of up to kLargestDensity its sums fit into
/// 32 bits as long as the jitter keeps to the bounds of the options.
struct ColourMap {
  std::int32_t rows[3][4];

  WSSS_HOST_DEVICE std::int32_t operator()(int channel, const std::int32_t* from) const {
    const std::int32_t* row = rows[channel];
    const std::int32_t sum = row[0] * from[0] + row[1] * from[1] + row[2] * from[2] + row[3];
    return (sum + (1 << (kColourShift - 1))) >> kColourShift;
  }
};

/// What becomes of the colours of one patch.
struct Recolouring {
  bool changes_stain, changes_light;
  ColourMap stain;  ///< Of optical densities; its constants are in 1/65536 of 1/512.
  ColourMap light;  ///< Of values of 0 to 255.
};

/// -ln of light and back, for every value that occurs.
struct DensityTables {
  const std::int32_t* density;  ///< [256]
  const std::uint8_t* value;    ///< [kLargestDensity + 1]
};

/// Changes one pixel in place.
WSSS_HOST_DEVICE inline void recolour(const Recolouring& how, const DensityTables& tables, std::uint8_t* rgb) {
  const auto within = [](std::int32_t value, std::int32_t most) {
    return value < 0 ? 0 : (value > most ? most : value);
  };
  std::int32_t values[3] = {rgb[0], rgb[1], rgb[2]};
  if (how.changes_stain) {
    const std::int32_t density[3] = {tables.density[values[0]], tables.density[values[1]], tables.density[values[2]]};
    for (int c = 0; c < 3; ++c) values[c] = tables.value[within(how.stain(c, density), kLargestDensity)];
  }
  for (int c = 0; c < 3; ++c) {
    rgb[c] = static_cast<std::uint8_t>(how.changes_light ? within(how.light(c, values), 255) : values[c]);
  }
}

/// Changes the colours of a batch in place; one call does one pixel.
struct RecolourPatches {
  std::uint8_t* batch;      ///< [n, area, 3]
  const Recolouring* each;  ///< [n]
  std::int64_t area;
  DensityTables tables;

  WSSS_HOST_DEVICE void operator()(std::int64_t pixel) const {
    recolour(each[pixel / area], tables, batch + pixel * 3);
  }
};

}  // namespace wsss
