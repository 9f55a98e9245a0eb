#include "wsss/synthetic/nucleus.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace wsss::synthetic {
namespace {

constexpr float kMembranePx = 1.2F;
constexpr float kNucleolusPx = 1.3F;
constexpr float kHaloFade = 0.35F;

/// Where a pixel lies in a nucleus.
struct NucleusPosition {
  float depth;  ///< distance inside the outline in pixels, negative outside
  float u;      ///< along the long axis, share of the half length
  float v;      ///< along the short axis, share of the half width
};

NucleusPosition locate(const Nucleus& nucleus, float x, float y) {
  const float dx = x - nucleus.x;
  const float dy = y - nucleus.y;
  const float u = (dx * nucleus.axis.x + dy * nucleus.axis.y) / nucleus.half_length;
  const float v = (dy * nucleus.axis.x - dx * nucleus.axis.y) / nucleus.half_width;
  const float radius = std::sqrt(u * u + v * v);
  const float cosine = radius > 1e-4F ? u / radius : 1.0F;
  // cos 2t = 2 cos^2 t - 1 and cos 3t = 4 cos^3 t - 3 cos t: the outline without trigonometric functions.
  const float second = 2.0F * cosine * cosine - 1.0F;
  const float third = cosine * (4.0F * cosine * cosine - 3.0F);
  const float outline = 1.0F + nucleus.oval * second + nucleus.lobes * third;
  return {(outline - radius) * std::min(nucleus.half_length, nucleus.half_width), u, v};
}

float haematoxylin_inside(const Nucleus& nucleus, const NucleusPosition& position, std::uint64_t key, float x,
                          float y) {
  const float clumps = value_noise(key, x / 1.9F, y / 1.9F);
  float dye = nucleus.haematoxylin * (1.0F + nucleus.chromatin * clumps);
  dye += nucleus.rim * (1.0F - smooth_step(0.3F, kMembranePx + 0.6F, position.depth));
  const float dot_x = (position.u - 0.2F) * nucleus.half_length;
  const float dot_y = (position.v + 0.1F) * nucleus.half_width;
  const float dot = 1.0F - smooth_step(0.4F, kNucleolusPx, std::sqrt(dot_x * dot_x + dot_y * dot_y));
  return std::max(dye + nucleus.nucleolus * dot, 0.0F);
}

}  // namespace

void stamp_nucleus(DyePlanes& planes, const RegionMap& regions, const Nucleus& nucleus, std::uint64_t key) {
  const float reach = std::max(nucleus.half_length, nucleus.half_width) * 1.35F + nucleus.halo + 1.0F;
  const int top = std::max(floor_to_int(nucleus.y - reach), 0);
  const int bottom = std::min(floor_to_int(nucleus.y + reach) + 1, planes.height - 1);
  const int left = std::max(floor_to_int(nucleus.x - reach), 0);
  const int right = std::min(floor_to_int(nucleus.x + reach) + 1, planes.width - 1);
  for (int row = top; row <= bottom; ++row) {
    for (int column = left; column <= right; ++column) {
      const std::size_t pixel = regions.index(row, column);
      if (regions.mask[pixel] == kGlass) {
        continue;
      }
      const auto x = static_cast<float>(column);
      const auto y = static_cast<float>(row);
      const NucleusPosition position = locate(nucleus, x, y);
      if (position.depth <= -0.5F - nucleus.halo) {
        continue;
      }
      float& haematoxylin = planes.haematoxylin[pixel];
      float& eosin = planes.eosin[pixel];
      const float cover = nucleus.opacity * std::clamp(position.depth + 0.5F, 0.0F, 1.0F);
      if (cover < 1.0F && nucleus.halo > 0.0F && haematoxylin < 0.6F) {
        const float pale = kHaloFade * smooth_step(-0.5F - nucleus.halo, 0.0F, position.depth);
        haematoxylin *= 1.0F - pale;
        eosin *= 1.0F - pale;
      }
      haematoxylin += cover * (haematoxylin_inside(nucleus, position, key, x, y) - haematoxylin);
      eosin += cover * (nucleus.eosin - eosin);
    }
  }
}

}  // namespace wsss::synthetic
