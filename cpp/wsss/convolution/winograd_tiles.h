// The transforms of Winograd's filtering: tiles of maps, and weights, to and from 36 points.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "wsss/convolution/epilogue.h"
#include "wsss/convolution/stored.h"

namespace wsss::winograd {

/// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016) makes 4x4 outputs of a 3x3 convolution from a 6x6
/// tile of its input with 36 products per channel pair instead of 144. In a dilated convolution every d-th row and
/// column form such a convolution by themselves: a phase.
///
/// The polynomials behind it are evaluated at 0, +-2/3, +-3/2 and infinity. At the customary 0, +-1, +-2 and infinity
/// the rounding error is twice as large: in bfloat16 3 per cent instead of 1.4. Since 2/3 and 3/2 are each other's
/// inverse, the transforms are no longer than they are there.
constexpr std::int64_t kOutputTile = 4;
constexpr std::int64_t kInputTile = 6;
constexpr std::int64_t kPoints = kInputTile * kInputTile;
constexpr std::int64_t kTaps = 9;

/// The tiles that a batch of maps is cut into.
struct TileGrid {
  std::int64_t height, width, dilation;
  std::int64_t phases_down, phases_across;
  std::int64_t tiles_down, tiles_across;  ///< Of one phase.

  TileGrid(std::int64_t map_height, std::int64_t map_width, std::int64_t map_dilation);
  std::int64_t per_image() const { return phases_down * phases_across * tiles_down * tiles_across; }
};

// `T` is float or c10::BFloat16; channel counts are multiples of kLanes.

/// Tiles `begin` to `end` of the input: values [36, end - begin, channels] = B^T d B.
///
/// @param maps  [n, height, width, channels], the tiles' batch.
template <typename T>
void transform_input(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin, std::int64_t end,
                     T* values);

/// Outputs of tiles `begin` to `end`: maps = epilogue(A^T m A) of products m [36, end - begin, channels].
template <typename T>
void transform_output(const T* products, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                      std::int64_t end, const Epilogue<T>& epilogue, T* maps);

/// The transpose of transform_output(): values [36, end - begin, channels] = A g A^T of the gradients g of the outputs.
template <typename T>
void transform_output_gradient(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                               std::int64_t end, T* values);

/// weight [out, in, 3, 3] -> values [36, out, in] = G w G^T.
///
/// @param turned  take the kernels rotated by 180 degrees, as the gradient of the input needs them.
template <typename T>
void transform_weight(const float* weight, std::int64_t out, std::int64_t in, bool turned, T* values);

/// The transpose of transform_weight(): weight [out, in, 3, 3] = G^T v G of sums v [36, out, in].
template <typename T>
void transform_weight_gradient(const T* sums, std::int64_t out, std::int64_t in, float* weight);

}  // namespace wsss::winograd
