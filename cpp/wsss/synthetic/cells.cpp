#include "wsss/synthetic/cells.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "wsss/synthetic/nucleus.h"

namespace wsss::synthetic {
namespace {

// Nuclei whose centre lies this far outside the patch still show at its border.
constexpr float kMarginPx = 10.0F;
// Distance between possible places of glands, in pixels.
constexpr float kGlandSpacingPx = 38.0F;
constexpr float kTwoPi = 6.2831853F;

/// What all painters share.
struct Canvas {
  DyePlanes& planes;
  const RegionMap& regions;
  const FibreField& fibres;
  std::uint64_t key;
};

std::uint8_t class_at(const RegionMap& regions, float x, float y) {
  return regions.nearest(floor_to_int(y + 0.5F), floor_to_int(x + 0.5F));
}

/// Whether a disc lies in a class, judged by its centre and four points; cells do not straddle borders.
bool fits(const RegionMap& regions, std::uint8_t tissue, float x, float y, float radius) {
  return class_at(regions, x, y) == tissue && class_at(regions, x - radius, y) == tissue &&
         class_at(regions, x + radius, y) == tissue && class_at(regions, x, y - radius) == tissue &&
         class_at(regions, x, y + radius) == tissue;
}

/// Calls `place(x, y, random, key)` for each point of a jittered honeycomb; every point has a random stream of its own.
template <typename Place>
void for_each_site(const RegionMap& regions, std::uint64_t key, float spacing, float jitter, Place&& place) {
  const float row_height = 0.87F * spacing;
  const int rows = floor_to_int((static_cast<float>(regions.height) + 2.0F * kMarginPx) / row_height) + 1;
  const int columns = floor_to_int((static_cast<float>(regions.width) + 2.0F * kMarginPx) / spacing) + 1;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto site = (static_cast<std::uint64_t>(row) << 32U) + static_cast<std::uint64_t>(column);
      const std::uint64_t site_key = derive_key(key, site);
      Random random(site_key);
      const float shift = (row % 2 == 0) ? 0.0F : 0.5F;
      const float x = (static_cast<float>(column) + shift + jitter * random.bell()) * spacing - kMarginPx;
      const float y = (static_cast<float>(row) + jitter * random.bell()) * row_height - kMarginPx;
      place(x, y, random, site_key);
    }
  }
}

/// How the nuclei of one patch's tumour look.
struct TumourLook {
  float radius;
  float haematoxylin;
  float chromatin;
};

void stamp_tumour_nucleus(const Canvas& canvas, const TumourLook& look, float x, float y, UnitVector axis,
                          Random& random, std::uint64_t key) {
  Nucleus nucleus;
  nucleus.x = x;
  nucleus.y = y;
  nucleus.axis = axis;
  const float radius = look.radius * (1.0F + 0.35F * random.bell());
  const float elongation = random.uniform(1.05F, 1.40F);
  nucleus.half_length = radius * elongation;
  nucleus.half_width = radius / elongation;
  nucleus.oval = 0.12F * random.bell();
  nucleus.lobes = 0.20F * random.bell();
  nucleus.haematoxylin = look.haematoxylin * (1.0F + 0.40F * random.bell());
  nucleus.eosin = random.uniform(0.25F, 0.45F);
  nucleus.rim = 0.35F;
  nucleus.chromatin = look.chromatin;
  nucleus.nucleolus = random.chance(0.6F) ? 0.7F : 0.0F;
  stamp_nucleus(canvas.planes, canvas.regions, nucleus, key);
}

/// A lumen and the radius of the ring of nuclei around it, in pixels.
struct Gland {
  float x;
  float y;
  float lumen;
  float ring;
};

/// A lumen with its ring of radially elongated nuclei; those that would leave the tumour are left out.
void paint_gland(const Canvas& canvas, const TumourLook& look, const Gland& gland, std::uint64_t key) {
  Random random(key);
  Nucleus lumen;
  lumen.x = gland.x;
  lumen.y = gland.y;
  lumen.axis = random_direction(random);
  lumen.half_length = gland.lumen * random.uniform(1.0F, 1.35F);
  lumen.half_width = gland.lumen * random.uniform(0.65F, 0.95F);
  lumen.oval = 0.15F * random.bell();
  lumen.lobes = 0.35F * random.bell();
  lumen.haematoxylin = 0.06F;
  lumen.eosin = random.uniform(0.32F, 0.48F);
  stamp_nucleus(canvas.planes, canvas.regions, lumen, key);
  // Spokes at equal angles of 2 pi / count; the turn comes from its half-angle tangent, a short series.
  const int count = std::max(floor_to_int(kTwoPi * gland.ring / (1.95F * look.radius)), 6);
  const float half = 0.5F * kTwoPi / static_cast<float>(count);
  const float tangent = half * (1.0F + half * half * (1.0F / 3.0F + half * half * (2.0F / 15.0F)));
  const float cosine = (1.0F - tangent * tangent) / (1.0F + tangent * tangent);
  const float sine = 2.0F * tangent / (1.0F + tangent * tangent);
  UnitVector spoke = random_direction(random);
  for (int step = 0; step < count; ++step) {
    spoke = {cosine * spoke.x - sine * spoke.y, sine * spoke.x + cosine * spoke.y};
    const float distance = gland.ring + 3.0F * random.bell();
    const float x = gland.x + spoke.x * distance;
    const float y = gland.y + spoke.y * distance;
    if (random.chance(0.9F) && fits(canvas.regions, kTumour, x, y, 2.0F)) {
      stamp_tumour_nucleus(canvas, look, x, y, spoke, random, derive_key(key, static_cast<std::uint64_t>(step)));
    }
  }
}

/// Glands of one patch's tumour: none, some or many.
std::vector<Gland> draw_glands(const Canvas& canvas, const TumourLook& look, float probability) {
  std::vector<Gland> glands;
  for_each_site(canvas.regions, derive_key(canvas.key, 2), kGlandSpacingPx, 0.4F,
                [&](float x, float y, Random& random, std::uint64_t) {
                  if (random.chance(probability) && fits(canvas.regions, kTumour, x, y, 10.0F)) {
                    const float lumen = random.uniform(2.5F, 6.5F);
                    glands.push_back({x, y, lumen, lumen + 1.4F * look.radius});
                  }
                });
  return glands;
}

void paint_tumour(const Canvas& canvas) {
  Random patch(derive_key(canvas.key, 1));
  const TumourLook look{patch.uniform(4.0F, 5.3F), patch.uniform(0.62F, 1.02F), patch.uniform(0.25F, 0.45F)};
  const float spacing = look.radius * patch.uniform(2.15F, 2.75F);
  const std::vector<Gland> glands = draw_glands(canvas, look, patch.uniform(-0.2F, 0.8F));
  const auto in_gland = [&](float x, float y) {
    return std::any_of(glands.begin(), glands.end(), [&](const Gland& gland) {
      const float kept_clear = gland.ring + look.radius;
      const float dx = gland.x - x;
      const float dy = gland.y - y;
      return dx * dx + dy * dy < kept_clear * kept_clear;
    });
  };
  for_each_site(canvas.regions, derive_key(canvas.key, 3), spacing, 0.6F,
                [&](float x, float y, Random& random, std::uint64_t key) {
                  if (!in_gland(x, y) && random.chance(0.93F) && fits(canvas.regions, kTumour, x, y, 2.5F)) {
                    const UnitVector axis = random_direction(random);
                    stamp_tumour_nucleus(canvas, look, x, y, axis, random, key);
                  }
                });
  for (std::size_t index = 0; index < glands.size(); ++index) {
    paint_gland(canvas, look, glands[index], derive_key(canvas.key, 100 + index));
  }
}

void paint_stroma(const Canvas& canvas) {
  Random patch(derive_key(canvas.key, 4));
  const float density = patch.uniform(0.35F, 0.75F);
  const float level = patch.uniform(0.85F, 1.2F);
  for_each_site(canvas.regions, derive_key(canvas.key, 5), 15.0F, 0.9F,
                [&](float x, float y, Random& random, std::uint64_t key) {
                  if (!random.chance(density) || !fits(canvas.regions, kStroma, x, y, 2.0F)) {
                    return;
                  }
                  Nucleus nucleus;
                  nucleus.x = x;
                  nucleus.y = y;
                  nucleus.axis = canvas.fibres.direction(x, y);
                  nucleus.half_length = random.uniform(4.5F, 8.0F);
                  nucleus.half_width = random.uniform(1.4F, 2.2F);
                  nucleus.lobes = 0.15F * random.bell();
                  nucleus.haematoxylin = level * (1.0F + 0.3F * random.bell());
                  nucleus.eosin = 0.3F;
                  nucleus.chromatin = 0.2F;
                  nucleus.halo = random.chance(0.4F) ? 1.5F : 0.0F;
                  if (random.chance(0.1F)) {
                    // A lymphocyte on its way through the stroma.
                    nucleus.half_length = 2.8F;
                    nucleus.half_width = 2.6F;
                  }
                  stamp_nucleus(canvas.planes, canvas.regions, nucleus, key);
                });
}

void paint_lymphocytes(const Canvas& canvas) {
  Random patch(derive_key(canvas.key, 6));
  const float radius = patch.uniform(2.4F, 3.1F);
  const float spacing = radius * patch.uniform(2.3F, 2.9F);
  const float level = patch.uniform(1.0F, 1.45F);
  for_each_site(canvas.regions, derive_key(canvas.key, 7), spacing, 0.75F,
                [&](float x, float y, Random& random, std::uint64_t key) {
                  if (!random.chance(0.9F) || !fits(canvas.regions, kLymphocytes, x, y, 1.5F)) {
                    return;
                  }
                  Nucleus nucleus;
                  nucleus.x = x;
                  nucleus.y = y;
                  nucleus.axis = random_direction(random);
                  const float size = radius * (1.0F + 0.35F * random.bell());
                  nucleus.half_length = size * random.uniform(0.98F, 1.20F);
                  nucleus.half_width = size * random.uniform(0.85F, 1.0F);
                  nucleus.haematoxylin = level * (1.0F + 0.3F * random.bell());
                  nucleus.eosin = 0.3F;
                  nucleus.chromatin = 0.2F;
                  nucleus.halo = random.chance(0.5F) ? 1.2F : 0.0F;
                  stamp_nucleus(canvas.planes, canvas.regions, nucleus, key);
                });
}

void paint_ghosts(const Canvas& canvas, Random& patch) {
  const float density = patch.uniform(0.3F, 0.65F);
  for_each_site(canvas.regions, derive_key(canvas.key, 9), 14.0F, 0.8F,
                [&](float x, float y, Random& random, std::uint64_t key) {
                  if (!random.chance(density) || !fits(canvas.regions, kNecrosis, x, y, 2.5F)) {
                    return;
                  }
                  Nucleus ghost;
                  ghost.x = x;
                  ghost.y = y;
                  ghost.axis = random_direction(random);
                  ghost.half_length = random.uniform(3.5F, 5.5F);
                  ghost.half_width = random.uniform(3.0F, 4.2F);
                  ghost.lobes = 0.25F * random.bell();
                  ghost.haematoxylin = random.uniform(0.15F, 0.40F);
                  ghost.eosin = random.uniform(0.55F, 0.85F);
                  ghost.rim = random.uniform(0.10F, 0.35F);
                  ghost.chromatin = 0.4F;
                  ghost.opacity = random.uniform(0.45F, 0.85F);
                  stamp_nucleus(canvas.planes, canvas.regions, ghost, key);
                });
}

void paint_debris(const Canvas& canvas, Random& patch) {
  const std::uint64_t cluster_key = derive_key(canvas.key, 10);
  const float threshold = patch.uniform(-0.25F, 0.15F);
  for_each_site(canvas.regions, derive_key(canvas.key, 11), 4.6F, 0.9F,
                [&](float x, float y, Random& random, std::uint64_t key) {
                  const float crowding = value_noise(cluster_key, x / 13.0F, y / 13.0F) + 0.6F * random.bell();
                  if (crowding < threshold || !fits(canvas.regions, kNecrosis, x, y, 1.0F)) {
                    return;
                  }
                  Nucleus crumb;
                  crumb.x = x;
                  crumb.y = y;
                  crumb.axis = random_direction(random);
                  crumb.half_length = random.uniform(0.7F, 1.9F);
                  crumb.half_width = random.uniform(0.6F, 1.2F);
                  crumb.haematoxylin = random.uniform(0.5F, 1.4F);
                  crumb.eosin = 0.4F;
                  stamp_nucleus(canvas.planes, canvas.regions, crumb, key);
                });
}

}  // namespace

void paint_cells(DyePlanes& planes, const RegionMap& regions, const FibreField& fibres, std::uint64_t key) {
  const Canvas canvas{planes, regions, fibres, key};
  const std::array<std::uint8_t, kTissueClasses> labels = labels_of(regions);
  if (labels[kNecrosis] != 0) {
    Random patch(derive_key(key, 8));
    paint_ghosts(canvas, patch);
    paint_debris(canvas, patch);
  }
  if (labels[kStroma] != 0) {
    paint_stroma(canvas);
  }
  if (labels[kTumour] != 0) {
    paint_tumour(canvas);
  }
  if (labels[kLymphocytes] != 0) {
    paint_lymphocytes(canvas);
  }
}

}  // namespace wsss::synthetic
