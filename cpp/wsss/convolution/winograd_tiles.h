#pragma once

#include <cstdint>

#include "wsss/convolution/epilogue.h"

namespace wsss::winograd {

/// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016) makes 4x4 outputs of a 3x3 convolution from a 6x6
/// tile of its input with 36 products per channel pair instead of 144. Of a dilated convolution every d-th row and
/// column is such a convolution by itself: a phase.
constexpr std::int64_t kOutputTile = 4;
constexpr std::int64_t kInputTile = 6;
constexpr std::int64_t kPoints = kInputTile * kInputTile;
/// The transforms work on so many channels at once; channel counts must be multiples.
constexpr std::int64_t kLanes = 16;

/// The tiles that a batch of maps is cut into.
struct TileGrid {
  std::int64_t height, width, dilation;
  std::int64_t phases_down, phases_across;
  std::int64_t tiles_down, tiles_across;  ///< Of one phase.

  TileGrid(std::int64_t map_height, std::int64_t map_width, std::int64_t map_dilation);
  std::int64_t per_image() const { return phases_down * phases_across * tiles_down * tiles_across; }
};

/// Tiles `begin` to `end` of the input: values [36, end - begin, channels] = B^T d B.
///
/// @param maps  [n, height, width, channels], the tiles' batch.
void transform_input(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                     std::int64_t end, float* values);

/// Outputs of tiles `begin` to `end`: maps = epilogue(A^T m A) of products m [36, end - begin, channels].
void transform_output(const float* products, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                      std::int64_t end, const Epilogue& epilogue, float* maps);

/// The transpose of transform_output(): values [36, end - begin, channels] = A g A^T of the gradients g of the outputs.
void transform_output_gradient(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                               std::int64_t end, float* values);

}  // namespace wsss::winograd
