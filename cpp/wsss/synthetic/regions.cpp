#include "wsss/synthetic/regions.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "wsss/synthetic/noise.h"
#include "wsss/synthetic/slivers.h"

namespace wsss::synthetic {
namespace {

// Width of one region, in pixels, in patches of 96 px and more; smaller patches get smaller regions.
constexpr float kMinRegionPx = 36.0F;
constexpr float kMaxRegionPx = 60.0F;
constexpr float kReferencePatchPx = 96.0F;
// Amplitude and wavelength of the small lobes along a border, in pixels.
constexpr float kRoughnessPx = 6.0F;
constexpr float kRoughnessWavePx = 13.0F;
// Share of the patches that plan one class, and two; the others plan three.
constexpr float kOneClassShare = 0.25F;
constexpr float kTwoClassShare = 0.45F;
constexpr float kGlassProbability = 0.2F;
// Width of a region in a piece of tissue on a slide: most patches show one or two classes.
constexpr float kMinPieceRegionPx = 90.0F;
constexpr float kMaxPieceRegionPx = 150.0F;
// Wavelength of the bays in its outline.
constexpr float kOutlineWavePx = 110.0F;
// Smallest connected area of any class; glass of fewer than 50 px would not count as background.
constexpr int kMinAreaPx = 50;

struct Point {
  float x;
  float y;
};

/// A grid with one Voronoi seed in each cell. It starts one cell before the patch, so that warped points stay on it.
struct SeedGrid {
  SeedGrid(std::uint64_t key, float cell_px, int height, int width)
      : spacing(cell_px),
        columns(floor_to_int(static_cast<float>(width) / cell_px) + 3),
        rows(floor_to_int(static_cast<float>(height) / cell_px) + 3) {
    Random random(key);
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        const float x = static_cast<float>(column) + random.uniform(0.12F, 0.88F);
        const float y = static_cast<float>(row) + random.uniform(0.12F, 0.88F);
        seeds.push_back({x * spacing, y * spacing});
      }
    }
  }

  float spacing;
  int columns;
  int rows;
  std::vector<Point> seeds;
};

/// Moves points by noise on several scales: the bulges, the lobes and the roughness of a region's border.
class DomainWarp {
 public:
  DomainWarp(std::uint64_t key, float spacing)
      : wide_(0.8F * spacing),
        bulge_(0.30F * spacing),
        bulge_keys_{derive_key(key, 1), derive_key(key, 2)},
        rough_keys_{derive_key(key, 3), derive_key(key, 4)} {}

  Point operator()(Point p) const { return {p.x + offset(0, p), p.y + offset(1, p)}; }

 private:
  float offset(std::size_t axis, Point p) const {
    return bulge_ * value_noise(bulge_keys_[axis], p.x / wide_, p.y / wide_) +
           kRoughnessPx * fractal_noise(rough_keys_[axis], p.x / kRoughnessWavePx, p.y / kRoughnessWavePx, 3);
  }

  float wide_;
  float bulge_;
  std::array<std::uint64_t, 2> bulge_keys_;
  std::array<std::uint64_t, 2> rough_keys_;
};

/// The index of the seed nearest to a point (in warped coordinates); cells outside the grid belong to its border.
int nearest_seed(const SeedGrid& grid, Point p) {
  const int column = floor_to_int(p.x / grid.spacing);
  const int row = floor_to_int(p.y / grid.spacing);
  int best = 0;
  float best_distance = 1e30F;
  for (int y = std::max(row - 1, 0); y <= std::min(row + 1, grid.rows - 1); ++y) {
    for (int x = std::max(column - 1, 0); x <= std::min(column + 1, grid.columns - 1); ++x) {
      const int index = y * grid.columns + x;
      const Point seed = grid.seeds[static_cast<std::size_t>(index)];
      const float dx = p.x - seed.x;
      const float dy = p.y - seed.y;
      const float distance = dx * dx + dy * dy;
      if (distance < best_distance) {
        best_distance = distance;
        best = index;
      }
    }
  }
  return best;
}

/// The seed that owns each pixel, [height * width].
std::vector<int> assign_pixels(const SeedGrid& grid, std::uint64_t key, int height, int width) {
  const DomainWarp warp(key, grid.spacing);
  std::vector<int> owners;
  owners.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Point p{static_cast<float>(x) + grid.spacing, static_cast<float>(y) + grid.spacing};
      owners.push_back(nearest_seed(grid, warp(p)));
    }
  }
  return owners;
}

/// One to three different tissue classes.
std::vector<std::uint8_t> draw_classes(Random& random) {
  std::vector<std::uint8_t> classes{kTumour, kStroma, kLymphocytes, kNecrosis};
  for (int last = kTissueClasses - 1; last > 0; --last) {
    std::swap(classes[static_cast<std::size_t>(last)], classes[static_cast<std::size_t>(random.below(last + 1))]);
  }
  const float count = random.uniform();
  classes.resize(count < kOneClassShare ? 1 : count < kOneClassShare + kTwoClassShare ? 2 : 3);
  return classes;
}

/// Gives each region a class so that the classes' shares come near random targets.
std::vector<std::uint8_t> choose_region_classes(const std::vector<std::size_t>& sizes,
                                                const std::vector<std::uint8_t>& classes, Random& random) {
  const auto total = static_cast<float>(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
  std::vector<float> missing(classes.size());
  for (float& share : missing) {
    share = random.uniform(0.6F, 1.4F);
  }
  const float sum = std::accumulate(missing.begin(), missing.end(), 0.0F);
  for (float& share : missing) {
    share *= total / sum;
  }
  // Largest first, so that a patch with few regions still shows all its classes.
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  std::vector<std::uint8_t> chosen(sizes.size(), classes.front());
  for (const std::size_t region : order) {
    const auto neediest = std::max_element(missing.begin(), missing.end());
    *neediest -= static_cast<float>(sizes[region]);
    chosen[region] = classes[static_cast<std::size_t>(neediest - missing.begin())];
  }
  return chosen;
}

/// Divides an area between classes, in regions of a width.
void divide(RegionMap& regions, const std::vector<std::uint8_t>& classes, float spacing, std::uint64_t key,
            Random& random) {
  const SeedGrid grid(derive_key(key, 1), spacing, regions.height, regions.width);
  const std::vector<int> owners = assign_pixels(grid, derive_key(key, 2), regions.height, regions.width);
  std::vector<std::size_t> sizes(grid.seeds.size(), 0);
  for (const int owner : owners) {
    ++sizes[static_cast<std::size_t>(owner)];
  }
  const std::vector<std::uint8_t> chosen = choose_region_classes(sizes, classes, random);
  for (std::size_t pixel = 0; pixel < owners.size(); ++pixel) {
    regions.mask[pixel] = chosen[static_cast<std::size_t>(owners[pixel])];
  }
}

/// Divides a patch between classes.
void fill_regions(RegionMap& regions, const std::vector<std::uint8_t>& classes, std::uint64_t key) {
  Random random(key);
  const auto extent = static_cast<float>(std::min(regions.height, regions.width));
  const float scale = std::min(extent / kReferencePatchPx, 1.0F);
  const float spacing = random.uniform(kMinRegionPx, kMaxRegionPx) * scale;
  divide(regions, classes, spacing, key, random);
}

/// Empties the part of the patch where a rough slope is highest: 6 to 35 % of it.
void cut_glass(RegionMap& regions, std::uint64_t key) {
  Random random(key);
  const UnitVector direction = random_direction(random);
  const auto extent = static_cast<float>(std::min(regions.height, regions.width));
  const float wave = std::clamp(0.5F * extent, 16.0F, 90.0F);
  std::vector<float> height_field;
  height_field.reserve(regions.mask.size());
  for (int y = 0; y < regions.height; ++y) {
    for (int x = 0; x < regions.width; ++x) {
      const auto px = static_cast<float>(x);
      const auto py = static_cast<float>(y);
      const float slope = (direction.x * px + direction.y * py) / wave;
      height_field.push_back(slope + 1.1F * fractal_noise(key, px / wave, py / wave, 5));
    }
  }
  const float share = random.uniform(0.06F, 0.35F);
  std::vector<float> sorted = height_field;
  const auto rank = static_cast<std::ptrdiff_t>((1.0F - share) * static_cast<float>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
  const float threshold = sorted[static_cast<std::size_t>(rank)];
  for (std::size_t pixel = 0; pixel < height_field.size(); ++pixel) {
    if (height_field[pixel] > threshold) {
      regions.mask[pixel] = kGlass;
    }
  }
}

}  // namespace

std::uint8_t RegionMap::nearest(int y, int x) const {
  return mask[index(std::clamp(y, 0, height - 1), std::clamp(x, 0, width - 1))];
}

RegionMap draw_regions(std::uint64_t key, int height, int width) {
  Random random(key);
  const std::vector<std::uint8_t> classes = draw_classes(random);
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  RegionMap regions{height, width, std::vector<std::uint8_t>(pixels, classes.front())};
  if (classes.size() > 1) {
    fill_regions(regions, classes, derive_key(key, 1));
  }
  if (random.chance(kGlassProbability)) {
    cut_glass(regions, derive_key(key, 2));
  }
  merge_small_areas(regions, kMinAreaPx);
  remove_rare_classes(regions);
  return regions;
}

RegionMap draw_piece(std::uint64_t key, int height, int width) {
  Random random(key);
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  RegionMap regions{height, width, std::vector<std::uint8_t>(pixels, kStroma)};
  const float spacing = random.uniform(kMinPieceRegionPx, kMaxPieceRegionPx);
  divide(regions, {kTumour, kStroma, kLymphocytes, kNecrosis}, spacing, derive_key(key, 1), random);
  const std::uint64_t outline_key = derive_key(key, 2);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      // An ellipse within the rectangle, with bays and tongues.
      const float across = 2.0F * static_cast<float>(x) / static_cast<float>(width) - 1.0F;
      const float down = 2.0F * static_cast<float>(y) / static_cast<float>(height) - 1.0F;
      const float bay =
          fractal_noise(outline_key, static_cast<float>(x) / kOutlineWavePx, static_cast<float>(y) / kOutlineWavePx, 4);
      if (across * across + down * down > 0.70F + 0.29F * bay) regions.mask[regions.index(y, x)] = kGlass;
    }
  }
  merge_small_areas(regions, kMinAreaPx);
  return regions;
}

std::array<std::uint8_t, kTissueClasses> labels_of(const RegionMap& regions) {
  std::array<std::uint8_t, kTissueClasses> labels{};
  for (const std::uint8_t value : regions.mask) {
    if (value < kTissueClasses) {
      labels[value] = 1;
    }
  }
  return labels;
}

}  // namespace wsss::synthetic
