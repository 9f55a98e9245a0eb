#include "wsss/synthetic/ground.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace wsss::synthetic {
namespace {

struct Dyes {
  float haematoxylin;
  float eosin;
};

/// What one patch's ground looks like, beyond its stain: the classes' levels vary so much that they overlap.
struct GroundLevels {
  explicit GroundLevels(std::uint64_t key);

  /// Key of one layer of noise; cheap, as it is asked for at every pixel.
  std::uint64_t key(std::uint64_t layer) const { return base_key ^ (layer * 0xD1342543DE82EF95ULL); }

  std::uint64_t base_key;
  float tumour_haematoxylin;
  float tumour_eosin;
  float stroma_haematoxylin;
  float stroma_eosin;
  float stroma_contrast;
  float lymph_haematoxylin;
  float lymph_eosin;
  float necrosis_haematoxylin;
  float necrosis_eosin;
  float necrosis_grain;
};

GroundLevels::GroundLevels(std::uint64_t patch_key) : base_key(derive_key(patch_key, 0)) {
  Random random(derive_key(patch_key, 1));
  tumour_haematoxylin = random.uniform(0.14F, 0.34F);
  tumour_eosin = random.uniform(0.40F, 0.66F);
  stroma_haematoxylin = random.uniform(0.08F, 0.20F);
  stroma_eosin = random.uniform(0.50F, 0.76F);
  stroma_contrast = random.uniform(0.95F, 1.25F);
  lymph_haematoxylin = random.uniform(0.10F, 0.26F);
  lymph_eosin = random.uniform(0.36F, 0.58F);
  necrosis_haematoxylin = random.uniform(0.18F, 0.32F);
  necrosis_eosin = random.uniform(0.44F, 0.66F);
  necrosis_grain = random.uniform(0.95F, 1.25F);
}

/// Finely mottled cytoplasm.
Dyes tumour_ground(const GroundLevels& levels, float x, float y) {
  const float mottle = fractal_noise(levels.key(10), x / 9.0F, y / 9.0F, 3);
  const float tint = value_noise(levels.key(11), x / 26.0F, y / 26.0F);
  return {levels.tumour_haematoxylin * (1.0F + 0.30F * mottle - 0.20F * tint),
          levels.tumour_eosin * (1.0F + 0.22F * mottle + 0.18F * tint)};
}

/// Bundles of long fibres with pale clefts between them.
Dyes stroma_ground(const GroundLevels& levels, const FibreField& fibres, float x, float y) {
  float along = 0.0F;
  float across = 0.0F;
  fibres.locate(x, y, along, across);
  const float strand = value_noise(levels.key(20), along / 26.0F, across / 2.6F);
  const float fibril = value_noise(levels.key(21), along / 14.0F, across / 1.3F);
  const float bundle = value_noise(levels.key(22), along / 40.0F, across / 9.0F);
  const float cleft = smooth_step(0.42F, 0.72F, value_noise(levels.key(23), along / 24.0F, across / 4.2F));
  const float texture = levels.stroma_contrast * (0.36F * strand + 0.20F * fibril + 0.18F * bundle - 0.42F * cleft);
  return {levels.stroma_haematoxylin * (1.0F + texture), levels.stroma_eosin * (1.0F + texture)};
}

/// Loose pale ground with a net of thin threads.
Dyes lymphocyte_ground(const GroundLevels& levels, float x, float y) {
  const float cloud = fractal_noise(levels.key(30), x / 7.0F, y / 7.0F, 2);
  const float thread = 1.0F - std::fabs(value_noise(levels.key(31), x / 6.0F, y / 6.0F));
  const float texture = 0.25F * cloud + 0.35F * (thread * thread - 0.5F);
  return {levels.lymph_haematoxylin * (1.0F + 0.5F * texture), levels.lymph_eosin * (1.0F + texture)};
}

/// Coarse grains and crumbling clumps without cell borders.
Dyes necrosis_ground(const GroundLevels& levels, float x, float y) {
  const float grain = value_noise(levels.key(40), x / 1.5F, y / 1.5F);
  const float crumb = value_noise(levels.key(41), x / 3.1F, y / 3.1F);
  const float clump = fractal_noise(levels.key(42), x / 12.0F, y / 12.0F, 2);
  const float texture = levels.necrosis_grain * (0.26F * grain + 0.34F * crumb + 0.24F * clump);
  const float dust = levels.necrosis_grain * (0.5F * grain - 0.3F * clump);
  return {levels.necrosis_haematoxylin * (1.0F + dust), levels.necrosis_eosin * (1.0F + texture)};
}

Dyes glass_ground(const GroundLevels& levels, float x, float y) {
  const float dirt = 0.5F + 0.5F * fractal_noise(levels.key(50), x / 15.0F, y / 15.0F, 2);
  return {0.02F * dirt, 0.03F * dirt};
}

}  // namespace

FibreField::FibreField(std::uint64_t key) : swing_key_(derive_key(key, 1)), wave_key_(derive_key(key, 2)), course_() {
  Random random(key);
  course_ = random_direction(random);
}

void FibreField::locate(float x, float y, float& along, float& across) const {
  along = course_.x * x + course_.y * y;
  across = course_.x * y - course_.y * x;
  // Long swings and short waves; the waves depend mostly on `along`, as in crimped collagen.
  across += 13.0F * value_noise(swing_key_, x / 46.0F, y / 46.0F);
  across += 2.2F * value_noise(wave_key_, along / 11.0F, across / 30.0F);
}

UnitVector FibreField::direction(float x, float y) const {
  float along = 0.0F;
  float here = 0.0F;
  float right = 0.0F;
  float below = 0.0F;
  locate(x, y, along, here);
  locate(x + 1.0F, y, along, right);
  locate(x, y + 1.0F, along, below);
  // Fibres run where `across` does not change: at right angles to its gradient.
  const float gradient_x = right - here;
  const float gradient_y = below - here;
  const float length = std::sqrt(gradient_x * gradient_x + gradient_y * gradient_y);
  return length > 1e-3F ? UnitVector{gradient_y / length, -gradient_x / length} : course_;
}

void paint_ground(DyePlanes& planes, const RegionMap& regions, const FibreField& fibres, std::uint64_t key) {
  const GroundLevels levels(key);
  for (int row = 0; row < regions.height; ++row) {
    for (int column = 0; column < regions.width; ++column) {
      const std::size_t pixel = regions.index(row, column);
      const auto x = static_cast<float>(column);
      const auto y = static_cast<float>(row);
      Dyes dyes{};
      switch (regions.mask[pixel]) {
        case kTumour:
          dyes = tumour_ground(levels, x, y);
          break;
        case kStroma:
          dyes = stroma_ground(levels, fibres, x, y);
          break;
        case kLymphocytes:
          dyes = lymphocyte_ground(levels, x, y);
          break;
        case kNecrosis:
          dyes = necrosis_ground(levels, x, y);
          break;
        default:
          dyes = glass_ground(levels, x, y);
          break;
      }
      planes.haematoxylin[pixel] = std::max(dyes.haematoxylin, 0.0F);
      planes.eosin[pixel] = std::max(dyes.eosin, 0.0F);
    }
  }
}

}  // namespace wsss::synthetic
