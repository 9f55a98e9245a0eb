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

/// An axis of a square that may lie over the slide's end: it is read so that it ends there, and then unfolded.
class MirroredAxis {
 public:
  MirroredAxis(double begin, double scale, std::int64_t slide_side, std::int64_t side) : side_(side) {
    const auto on_slide =
        static_cast<std::int64_t>(std::floor((static_cast<double>(slide_side) - begin) / scale + 1e-6));
    within_ = std::clamp<std::int64_t>(on_slide, 1, side);
    shift_ = std::min(side - within_, static_cast<std::int64_t>(std::floor(begin / scale + 1e-6)));
  }

  bool is_whole() const { return within_ == side_; }
  /// By how many px the axis is read earlier.
  std::int64_t shift() const { return shift_; }
  /// Which of the px that were read is the one at a place.
  std::int64_t source(std::int64_t at) const {
    if (at < within_) return at + shift_;
    const std::int64_t mirrored = 2 * within_ - 1 - at + shift_;
    if (mirrored >= 0) return mirrored;
    // Of a slide that is smaller than the square: back and forth between its ends.
    const std::int64_t folded = at % (2 * within_);
    return shift_ + (folded < within_ ? folded : 2 * within_ - 1 - folded);
  }

 private:
  std::int64_t side_, within_, shift_;
};

struct MirroredSquare {
  MirroredAxis across, down;
};

MirroredSquare mirrored_square(const Slide& slide, const SlideRegion& square) {
  return {{square.x, square.scale_x, slide.width(), square.width},
          {square.y, square.scale_y, slide.height(), square.height}};
}

/// Puts the px of a square that was read earlier to where they belong.
void unfold(const MirroredSquare& mirror, std::int64_t side, std::uint8_t* rgb) {
  const std::vector<std::uint8_t> read(rgb, rgb + 3 * side * side);
  for (std::int64_t y = 0; y < side; ++y) {
    const std::uint8_t* from = read.data() + 3 * mirror.down.source(y) * side;
    for (std::int64_t x = 0; x < side; ++x)
      std::copy_n(from + 3 * mirror.across.source(x), 3, rgb + 3 * (y * side + x));
  }
}

}  // namespace

void read_squares(const Slide& slide, const std::vector<SlideRegion>& squares, std::uint8_t* rgb, int threads,
                  const StopCheck& check) {
  if (squares.empty()) return;
  const std::int64_t side = squares.front().width;
  const auto target_of = [&](std::size_t i) { return rgb + 3 * static_cast<std::int64_t>(i) * side * side; };
  std::vector<SlideRegion> read = squares;
  for (SlideRegion& square : read) {
    const MirroredSquare mirror = mirrored_square(slide, square);
    square.x -= static_cast<double>(mirror.across.shift()) * square.scale_x;
    square.y -= static_cast<double>(mirror.down.shift()) * square.scale_y;
  }
  read_regions(slide, read, target_of, threads, check);
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const MirroredSquare mirror = mirrored_square(slide, squares[i]);
    if (!mirror.across.is_whole() || !mirror.down.is_whole()) unfold(mirror, side, target_of(i));
  }
}

}  // namespace wsss
