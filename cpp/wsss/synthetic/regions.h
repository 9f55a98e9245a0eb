// Where each tissue class lies in an invented patch.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace wsss::synthetic {

/// Tissue classes, as stored in a mask; `kGlass` is the background, which has no label.
enum TissueClass : std::uint8_t { kTumour = 0, kStroma = 1, kLymphocytes = 2, kNecrosis = 3, kGlass = 4 };
inline constexpr int kTissueClasses = 4;

/// Class of every pixel, [height, width] row by row, 0..4.
struct RegionMap {
  int height;
  int width;
  std::vector<std::uint8_t> mask;

  std::size_t index(int y, int x) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
  }
  /// Class at the pixel of the patch that is nearest to (y, x).
  std::uint8_t nearest(int y, int x) const;
};

/// Draws which classes a patch shows and where.
///
/// About 35 % of patches plan one class, 42 % two and 23 % three; about one in five has an empty area (glass).
/// Regions are the cells of a Voronoi diagram in warped coordinates, hence irregular, with rough borders.
/// Afterwards every class covers 3 % of the patch or does not occur, and at least one tissue class occurs.
RegionMap draw_regions(std::uint64_t key, int height, int width);

/// Draws a piece of tissue as it lies on a slide: all four classes in larger regions, glass around an irregular
/// outline.
RegionMap draw_piece(std::uint64_t key, int height, int width);

/// Which tissue classes occur: 1 for each that does, 0 for the others.
std::array<std::uint8_t, kTissueClasses> labels_of(const RegionMap& regions);

}  // namespace wsss::synthetic
