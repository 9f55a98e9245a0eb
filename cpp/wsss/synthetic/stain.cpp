#include "wsss/synthetic/stain.h"

#include <algorithm>
#include <cstddef>

#include "wsss/synthetic/regions.h"

namespace wsss::synthetic {
namespace {

// Absorption of the two dyes in R, G, B (Ruifrok and Johnston 2001), used as nats.
constexpr std::array<float, 3> kHaematoxylinDensity{0.65F, 0.70F, 0.29F};
constexpr std::array<float, 3> kEosinDensity{0.09F, 0.95F, 0.28F};
// Tissue above this grey level is stained more; the method takes more than 200 for glass.
constexpr float kBrightestTissue = 184.0F;
// Pale tissue takes this much eosin for each level above; one level costs a little less than that.
constexpr float kEosinPerGreyLevel = 0.0095F;
// What the blur may carry from tissue into glass.
constexpr float kMostDyeOnGlass = 0.07F;

/// e^-x for x >= 0 from additions and multiplications only, so that every machine rounds alike; relative error < 1e-4.
float exp_negative(float x) {
  const float z = std::min(x, 12.0F) * (1.0F / 64.0F);
  float result = 1.0F - z * (1.0F - z * (0.5F - z * (1.0F / 6.0F - z * (1.0F / 24.0F))));
  for (int squaring = 0; squaring < 6; ++squaring) {
    result *= result;
  }
  return result;
}

float grey_of(const std::array<float, 3>& rgb) { return 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2]; }

/// Separable 3-tap blur with mirrored borders.
void blur_plane(std::vector<float>& plane, int height, int width, float weight) {
  const auto at = [width](int y, int x) {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
  };
  const float centre = 1.0F - 2.0F * weight;
  std::vector<float> rows(plane.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float sides = plane[at(y, std::max(x - 1, 0))] + plane[at(y, std::min(x + 1, width - 1))];
      rows[at(y, x)] = centre * plane[at(y, x)] + weight * sides;
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float sides = rows[at(std::max(y - 1, 0), x)] + rows[at(std::min(y + 1, height - 1), x)];
      plane[at(y, x)] = centre * rows[at(y, x)] + weight * sides;
    }
  }
}

std::array<float, 3> absorb(const StainProfile& profile, float haematoxylin, float eosin) {
  std::array<float, 3> colour{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const float density = haematoxylin * profile.haematoxylin[channel] + eosin * profile.eosin[channel];
    colour[channel] = profile.light[channel] * exp_negative(density);
  }
  return colour;
}

/// The colour of a pixel, kept on its side of the threshold for glass: pale tissue takes more eosin, so it stays pink.
std::array<float, 3> pixel_colour(const StainProfile& profile, float haematoxylin, float eosin, bool is_glass) {
  if (is_glass) {
    return absorb(profile, std::min(haematoxylin, kMostDyeOnGlass), std::min(eosin, kMostDyeOnGlass));
  }
  std::array<float, 3> colour = absorb(profile, haematoxylin, eosin);
  const float excess = grey_of(colour) - kBrightestTissue;
  if (excess > 0.0F) {
    colour = absorb(profile, haematoxylin, eosin + kEosinPerGreyLevel * excess);
  }
  return colour;
}

}  // namespace

DyePlanes::DyePlanes(int rows, int columns)
    : height(rows),
      width(columns),
      haematoxylin(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), 0.0F),
      eosin(haematoxylin.size(), 0.0F) {}

StainProfile draw_stain_profile(Random& random) {
  StainProfile profile{};
  const float haematoxylin_strength = random.uniform(0.85F, 1.18F);
  const float eosin_strength = random.uniform(0.85F, 1.18F);
  const float brightness = random.uniform(238.0F, 253.0F);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    profile.haematoxylin[channel] = haematoxylin_strength * (kHaematoxylinDensity[channel] + 0.07F * random.bell());
    profile.eosin[channel] = eosin_strength * std::max(kEosinDensity[channel] + 0.07F * random.bell(), 0.02F);
    profile.light[channel] = brightness + 4.0F * random.bell();
  }
  profile.blur = random.uniform(0.08F, 0.20F);
  profile.noise = random.uniform(3.0F, 8.0F);
  return profile;
}

std::vector<std::uint8_t> render_stain(DyePlanes& planes, const std::vector<std::uint8_t>& mask,
                                       const StainProfile& profile, std::uint64_t key) {
  blur_plane(planes.haematoxylin, planes.height, planes.width, profile.blur);
  blur_plane(planes.eosin, planes.height, planes.width, profile.blur);
  std::vector<std::uint8_t> rgb(mask.size() * 3);
  Random random(key);
  for (std::size_t pixel = 0; pixel < mask.size(); ++pixel) {
    const std::array<float, 3> colour =
        pixel_colour(profile, planes.haematoxylin[pixel], planes.eosin[pixel], mask[pixel] == kGlass);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const float value = std::clamp(colour[channel] + profile.noise * random.bell(), 0.0F, 255.0F);
      rgb[pixel * 3 + channel] = static_cast<std::uint8_t>(value + 0.5F);
    }
  }
  return rgb;
}

}  // namespace wsss::synthetic
