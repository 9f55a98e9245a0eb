#include "wsss/slide_segmentation/tile_plan.h"

#include <algorithm>
#include <cmath>

#include "wsss/core/error.h"
#include "wsss/slide/slide_picture.h"

namespace wsss {

TilePlan::TilePlan(const Slide& slide, double across, double down, std::int64_t side, std::int64_t shared)
    : scale_x(across),
      scale_y(down),
      width(pixels_to_cover(slide.width(), across)),
      height(pixels_to_cover(slide.height(), down)),
      tile(side),
      overlap(shared) {
  if (tile < 1 || overlap < 0 || 2 * overlap > tile) {
    throw Error(ErrorCode::kOption, "tiles must share at most half of their side");
  }
}

std::vector<std::int64_t> TilePlan::columns_with_tissue(const TissueMask& tissue, std::int64_t row) const {
  std::vector<std::int64_t> found;
  for (std::int64_t column = 0; column < columns(); ++column) {
    if (has_tissue(tissue, scale_x, scale_y, column * stride(), row * stride(), tile, tile)) found.push_back(column);
  }
  return found;
}

std::int64_t TilePlan::tiles_with_tissue(const TissueMask& tissue) const {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < rows(); ++row) {
    count += static_cast<std::int64_t>(columns_with_tissue(tissue, row).size());
  }
  return count;
}

SlideRegion TilePlan::region_of(std::int64_t left, std::int64_t top, std::int64_t side) const {
  SlideRegion region;
  region.x = static_cast<double>(left) * scale_x;
  region.y = static_cast<double>(top) * scale_y;
  region.scale_x = scale_x;
  region.scale_y = scale_y;
  region.width = side;
  region.height = side;
  return region;
}

bool has_tissue(const TissueMask& tissue, double scale_x, double scale_y, std::int64_t left, std::int64_t top,
                std::int64_t width, std::int64_t height) {
  const auto cell = [](std::int64_t px, double scale, double cell_scale, std::int64_t count) {
    const double position = (static_cast<double>(px) + 0.5) * scale / cell_scale;
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(position)), 0, count - 1);
  };
  const std::int64_t first_column = cell(left, scale_x, tissue.scale_x, tissue.width);
  const std::int64_t last_column = cell(left + width - 1, scale_x, tissue.scale_x, tissue.width);
  const std::int64_t first_row = cell(top, scale_y, tissue.scale_y, tissue.height);
  const std::int64_t last_row = cell(top + height - 1, scale_y, tissue.scale_y, tissue.height);
  for (std::int64_t row = first_row; row <= last_row; ++row) {
    const std::uint8_t* cells = tissue.tissue.data() + row * tissue.width;
    if (std::any_of(cells + first_column, cells + last_column + 1, [](std::uint8_t value) { return value != 0; })) {
      return true;
    }
  }
  return false;
}

namespace {

/// Pixels of an axis that lie on the slide, at least one.
std::int64_t within_slide(double begin, double scale, std::int64_t slide_side, std::int64_t side) {
  const auto count = static_cast<std::int64_t>(std::floor((static_cast<double>(slide_side) - begin) / scale + 1e-6));
  return std::clamp<std::int64_t>(count, 1, side);
}

/// Where a pixel beyond `count` comes from: back and forth between the edges.
std::int64_t mirrored(std::int64_t at, std::int64_t count) {
  const std::int64_t folded = at % (2 * count);
  return folded < count ? folded : 2 * count - 1 - folded;
}

/// Fills what of a square [side, side, 3] lies beyond the slide.
void mirror_beyond(const Slide& slide, const SlideRegion& square, std::uint8_t* rgb) {
  const std::int64_t side = square.width;
  const std::int64_t across = within_slide(square.x, square.scale_x, slide.width(), side);
  const std::int64_t down = within_slide(square.y, square.scale_y, slide.height(), square.height);
  for (std::int64_t y = 0; y < down && across < side; ++y) {
    std::uint8_t* row = rgb + 3 * y * side;
    for (std::int64_t x = across; x < side; ++x) std::copy_n(row + 3 * mirrored(x, across), 3, row + 3 * x);
  }
  for (std::int64_t y = down; y < square.height; ++y) {
    std::copy_n(rgb + 3 * mirrored(y, down) * side, 3 * side, rgb + 3 * y * side);
  }
}

}  // namespace

void read_squares(const Slide& slide, const std::vector<SlideRegion>& squares, std::uint8_t* rgb, int threads,
                  const StopCheck& check) {
  if (squares.empty()) return;
  const std::int64_t bytes = squares.front().width * squares.front().height * 3;
  const auto target_of = [&](std::size_t i) { return rgb + static_cast<std::int64_t>(i) * bytes; };
  read_regions(slide, squares, target_of, threads, check);
  for (std::size_t i = 0; i < squares.size(); ++i) mirror_beyond(slide, squares[i], target_of(i));
}

}  // namespace wsss
