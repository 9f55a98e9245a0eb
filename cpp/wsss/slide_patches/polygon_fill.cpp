#include "wsss/slide_patches/polygon_fill.h"

#include <algorithm>
#include <cmath>

namespace wsss {

namespace {

/// Where a ring crosses the line through the centres of a row, and whether downwards (+1) or upwards (-1).
struct Crossing {
  double x;
  int direction;
};

/// A side of a ring that is not level.
struct Side {
  SlidePoint from, to;
};

/// The sides of a ring that a region's rows can meet: few of those of a large outline.
std::vector<Side> sides_within(const PolygonRing& ring, double top, double bottom) {
  std::vector<Side> sides;
  for (std::size_t i = 0, before = ring.size() - 1; i < ring.size(); before = i++) {
    const SlidePoint& from = ring[before];
    const SlidePoint& to = ring[i];
    if (std::max(from.y, to.y) < top || std::min(from.y, to.y) > bottom || from.y == to.y) continue;
    sides.push_back({from, to});
  }
  return sides;
}

/// Sets the pixels of a row whose centres lie within a ring.
class RowFiller {
 public:
  explicit RowFiller(const SlideRegion& region) : region_(region) {}

  void set(const std::vector<Side>& sides, std::int64_t row, std::uint8_t value, std::uint8_t* inside) {
    const double y = region_.y + (static_cast<double>(row) + 0.5) * region_.scale_y;
    crossings_.clear();
    for (const auto& [from, to] : sides) {
      // Half open, so that a corner is crossed once, and neighbours share no pixel.
      if ((from.y <= y) == (to.y <= y)) continue;
      const double along = (y - from.y) / (to.y - from.y);
      crossings_.push_back({from.x + along * (to.x - from.x), to.y > from.y ? 1 : -1});
    }
    std::sort(crossings_.begin(), crossings_.end(),
              [](const Crossing& one, const Crossing& other) { return one.x < other.x; });
    int winding = 0;
    for (std::size_t i = 0; i + 1 < crossings_.size(); ++i) {
      winding += crossings_[i].direction;
      if (winding != 0) std::fill(inside + column(crossings_[i].x), inside + column(crossings_[i + 1].x), value);
    }
  }

 private:
  /// The first pixel whose centre is not left of a position.
  std::int64_t column(double x) const {
    const double at = std::ceil((x - region_.x) / region_.scale_x - 0.5);
    return static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(region_.width)));
  }

  const SlideRegion& region_;
  std::vector<Crossing> crossings_;
};

void fill_polygon(const AnnotatedPolygon& polygon, const SlideRegion& region, std::uint8_t* mask) {
  const double bottom = region.y + static_cast<double>(region.height) * region.scale_y;
  const double first = std::floor((polygon.top - region.y) / region.scale_y);
  const double end = std::ceil((polygon.bottom - region.y) / region.scale_y);
  const auto first_row = static_cast<std::int64_t>(std::max(first, 0.0));
  const auto end_row = static_cast<std::int64_t>(std::min(end, static_cast<double>(region.height)));
  const std::vector<Side> shell = sides_within(polygon.shell, region.y, bottom);
  std::vector<std::vector<Side>> holes;
  holes.reserve(polygon.holes.size());
  for (const PolygonRing& hole : polygon.holes) holes.push_back(sides_within(hole, region.y, bottom));
  RowFiller filler(region);
  std::vector<std::uint8_t> inside(static_cast<std::size_t>(region.width));
  for (std::int64_t row = first_row; row < end_row; ++row) {
    std::fill(inside.begin(), inside.end(), std::uint8_t{0});
    filler.set(shell, row, 1, inside.data());
    for (const std::vector<Side>& hole : holes) filler.set(hole, row, 0, inside.data());
    std::uint8_t* pixels = mask + row * region.width;
    for (std::int64_t x = 0; x < region.width; ++x) {
      if (inside[static_cast<std::size_t>(x)] != 0) pixels[x] = polygon.value;
    }
  }
}

}  // namespace

void fill_polygons(const PolygonSet& set, const SlideRegion& region, std::uint8_t* mask) {
  std::fill_n(mask, region.width * region.height, kNotAnnotated);
  const double right = region.x + static_cast<double>(region.width) * region.scale_x;
  const double bottom = region.y + static_cast<double>(region.height) * region.scale_y;
  for (const AnnotatedPolygon& polygon : set.polygons()) {
    const bool apart =
        polygon.right <= region.x || polygon.left >= right || polygon.bottom <= region.y || polygon.top >= bottom;
    if (!apart) fill_polygon(polygon, region, mask);
  }
}

std::vector<double> count_annotated_pixels(const PolygonSet& set, const std::vector<SlideRegion>& regions,
                                           std::int64_t values, const StopCheck& check) {
  std::vector<double> counts(regions.size() * static_cast<std::size_t>(values));
  std::vector<std::uint8_t> mask;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    check();
    mask.resize(static_cast<std::size_t>(regions[i].width * regions[i].height));
    fill_polygons(set, regions[i], mask.data());
    double* of_region = counts.data() + i * static_cast<std::size_t>(values);
    for (const std::uint8_t value : mask) {
      if (value < values) of_region[value] += 1.0;
    }
  }
  return counts;
}

std::vector<std::uint8_t> draw_annotated_masks(const PolygonSet& set, const std::vector<SlideRegion>& regions,
                                               const StopCheck& check) {
  if (regions.empty()) return {};
  const auto pixels = static_cast<std::size_t>(regions.front().width * regions.front().height);
  std::vector<std::uint8_t> masks(regions.size() * pixels);
  for (std::size_t i = 0; i < regions.size(); ++i) {
    check();
    fill_polygons(set, regions[i], masks.data() + i * pixels);
  }
  return masks;
}

}  // namespace wsss
