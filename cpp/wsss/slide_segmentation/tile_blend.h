// Logits of overlapping tiles, weighted and summed, row of tiles by row of tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace wsss {

/// Adds up tiles of a row from left to right. What a tile shares with its neighbours fades out in the one and in in the
/// other (squared sine, so that the weights sum to 1); where a neighbour is missing the sum is divided by what weight
/// there is. Memory holds a tile and the shared rows of the row before: not the map.
class TileBlend {
 public:
  /// Mean logits of finished pixels: `logits` [K, width] of a row of the map from column `left` on; null where no tile
  /// lies.
  using RowConsumer = std::function<void(std::int64_t row_in_tile, std::int64_t left, std::int64_t width,
                                         const float* logits, const float* weights)>;

  /// @param columns  tiles of a row.
  TileBlend(std::int64_t classes, std::int64_t tile, std::int64_t overlap, std::int64_t columns, RowConsumer consume);

  /// Begins a row of tiles; those of the row before have all been given out.
  void begin_row();
  /// The next tile of the row, further right than the one before.
  ///
  /// @param logits  [K, tile, tile]
  void add(std::int64_t column, const float* logits);
  /// Gives out what is left of the row.
  void end_row();

 private:
  /// Gives out the columns of tiles up to this one, which are finished.
  void give_out_before(std::int64_t column);
  void give_out(std::int64_t column);

  std::int64_t classes_, tile_, overlap_, stride_, columns_;
  RowConsumer consume_;
  std::vector<float> ramp_;        ///< Weights along an axis, [tile].
  std::vector<float> sums_;        ///< [K + 1, tile, tile]: of the tile at `current_`; the last plane are weights.
  std::vector<float> from_above_;  ///< [K + 1, overlap, columns * stride]: what the row before left.
  std::vector<float> for_below_;   ///< The same for the row after.
  std::vector<float> line_, weights_;
  std::int64_t current_ = 0;  ///< Column whose pixels `sums_` begins with.
};

}  // namespace wsss
