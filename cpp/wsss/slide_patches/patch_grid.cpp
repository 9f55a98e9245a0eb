#include "wsss/slide_patches/patch_grid.h"

#include <algorithm>
#include <cmath>

namespace wsss {

namespace {

/// Sums of the tissue left of and above each pixel, by which the tissue of any rectangle is four lookups.
class TissueSums {
 public:
  explicit TissueSums(const TissueMask& tissue)
      : width_(tissue.width),
        height_(tissue.height),
        sums_(static_cast<std::size_t>((tissue.width + 1) * (tissue.height + 1))) {
    for (std::int64_t y = 0; y < height_; ++y) {
      std::int64_t row = 0;
      for (std::int64_t x = 0; x < width_; ++x) {
        row += tissue.tissue[static_cast<std::size_t>(y * width_ + x)];
        sums_[index(x + 1, y + 1)] = sums_[index(x + 1, y)] + row;
      }
    }
  }

  /// Tissue from `left` to before `right`; beyond the mask there is none.
  std::int64_t within(std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom) const {
    left = std::clamp<std::int64_t>(left, 0, width_);
    right = std::clamp<std::int64_t>(right, left, width_);
    top = std::clamp<std::int64_t>(top, 0, height_);
    bottom = std::clamp<std::int64_t>(bottom, top, height_);
    return sums_[index(right, bottom)] - sums_[index(left, bottom)] - sums_[index(right, top)] +
           sums_[index(left, top)];
  }

 private:
  std::size_t index(std::int64_t x, std::int64_t y) const { return static_cast<std::size_t>(y * (width_ + 1) + x); }

  std::int64_t width_, height_;
  std::vector<std::int64_t> sums_;
};

/// Pixels of the mask whose centres lie in [from, to) of level 0: the first of them, and the one behind the last.
struct Span {
  std::int64_t first, end;
};
Span centres_within(double from, double to, double scale) {
  const auto first = static_cast<std::int64_t>(std::ceil(from / scale - 0.5));
  const auto end = static_cast<std::int64_t>(std::ceil(to / scale - 0.5));
  if (end > first) return {first, end};
  // Smaller than a pixel of the mask: the one in which it lies.
  const auto only = static_cast<std::int64_t>(std::floor((from + to) / 2 / scale));
  return {only, only + 1};
}

}  // namespace

std::vector<GridPatch> patches_with_tissue(std::int64_t slide_width, std::int64_t slide_height,
                                           const TissueMask& tissue, const PatchGrid& grid) {
  const TissueSums sums(tissue);
  const double width = static_cast<double>(grid.side) * grid.scale_x;
  const double height = static_cast<double>(grid.side) * grid.scale_y;
  std::vector<GridPatch> patches;
  for (std::int64_t row = 0;; ++row) {
    const std::int64_t y = std::llround(static_cast<double>(row * grid.stride) * grid.scale_y);
    if (y >= slide_height) break;
    const Span rows = centres_within(static_cast<double>(y), static_cast<double>(y) + height, tissue.scale_y);
    for (std::int64_t column = 0;; ++column) {
      const std::int64_t x = std::llround(static_cast<double>(column * grid.stride) * grid.scale_x);
      if (x >= slide_width) break;
      const Span columns = centres_within(static_cast<double>(x), static_cast<double>(x) + width, tissue.scale_x);
      const auto area = static_cast<double>((rows.end - rows.first) * (columns.end - columns.first));
      const auto found = static_cast<double>(sums.within(columns.first, rows.first, columns.end, rows.end));
      const double share = found / area;
      if (share >= grid.min_tissue) patches.push_back({x, y, share});
    }
  }
  return patches;
}

SlideRegion region_of(double x, double y, const PatchGrid& grid) {
  SlideRegion region;
  region.x = x;
  region.y = y;
  region.scale_x = grid.scale_x;
  region.scale_y = grid.scale_y;
  region.width = grid.side;
  region.height = grid.side;
  return region;
}

}  // namespace wsss
