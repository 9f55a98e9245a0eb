// How a slide is laid out in tiles: one grid from its corner on, at the scale of the networks.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/slide/slide.h"
#include "wsss/slide/tissue.h"

namespace wsss {

/// The scale and the tiles of a map of a slide.
struct TilePlan {
  double scale_x = 1.0, scale_y = 1.0;  ///< Px of level 0 that a pixel of the map is wide and high.
  std::int64_t width = 0, height = 0;   ///< Of the map, in its px.
  std::int64_t tile = 0;                ///< Side of a tile.
  std::int64_t overlap = 0;             ///< Rows and columns that two tiles share, at most half a tile.

  /// @throws Error kOption if the overlap is more than half a tile.
  TilePlan(const Slide& slide, double scale_x, double scale_y, std::int64_t tile, std::int64_t overlap);

  std::int64_t stride() const { return tile - overlap; }
  std::int64_t rows() const { return (height + stride() - 1) / stride(); }
  std::int64_t columns() const { return (width + stride() - 1) / stride(); }
  /// The columns of a row of tiles that hold tissue, ascending.
  std::vector<std::int64_t> columns_with_tissue(const TissueMask& tissue, std::int64_t row) const;
  std::int64_t tiles_with_tissue(const TissueMask& tissue) const;
  /// Where on the slide a square of the map lies.
  SlideRegion region_of(std::int64_t left, std::int64_t top, std::int64_t side) const;
};

/// Whether tissue lies under a rectangle of a map with such pixels.
bool has_tissue(const TissueMask& tissue, double scale_x, double scale_y, std::int64_t left, std::int64_t top,
                std::int64_t width, std::int64_t height);

/// Reads squares of a slide one behind the other into [n, side, side, 3]. What lies beyond its right or lower edge is
/// its mirror image: networks take an edge of white for one of tissue, and are wrong beside it.
void read_squares(const Slide& slide, const std::vector<SlideRegion>& squares, std::uint8_t* rgb, int threads,
                  const StopCheck& check);

}  // namespace wsss
