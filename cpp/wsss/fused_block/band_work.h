// The arithmetic of an inverted residual on some rows of an image, by one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "wsss/fused_block/packed_block.h"

namespace wsss {

/// The sizes of the maps of one call.
struct BlockSizes {
  std::int64_t height, width;          ///< Of the input.
  std::int64_t out_height, out_width;  ///< Of the output.
  SidePadding rows, columns;
  /// Values from a pixel to the next; maps are channels-last, with whole vectors of channels.
  std::int64_t in_pixel, out_pixel;
  std::int64_t hidden_vectors;  ///< Vectors of expanded channels.
  std::int64_t stride, reach;   ///< Of the depthwise convolution.

  BlockSizes(const BlockShape& shape, std::int64_t in_height, std::int64_t in_width);

  std::int64_t padded_width() const { return columns.before + width + columns.after; }
  /// Padded input rows that so many output rows read.
  std::int64_t rows_read(std::int64_t out_rows) const { return (out_rows - 1) * stride + reach; }
  /// Neighbouring vectors of hidden channels are expanded and filtered together, a chunk at a time.
  std::int64_t chunks() const { return (hidden_vectors + kVectorsOfAPass - 1) / kVectorsOfAPass; }
  /// Vectors of the chunk, of which the last may have fewer.
  std::int64_t vectors_in(std::int64_t chunk) const {
    return std::min(kVectorsOfAPass, hidden_vectors - chunk * kVectorsOfAPass);
  }
  /// Floats of a vector's expanded map for so many output rows.
  std::int64_t expanded_vector(std::int64_t out_rows) const { return rows_read(out_rows) * padded_width() * kLanes; }
  /// Values of a vector's filtered map of so many rows.
  std::int64_t filtered_vector(std::int64_t out_rows) const { return out_rows * out_width * kLanes; }
};

/// Output rows of an image, from `begin` to `end`.
struct RowBand {
  std::int64_t begin, end;
  std::int64_t rows() const { return end - begin; }
};

/// What the depthwise convolution has written: [hidden vectors][rows][out width][kLanes].
template <typename T>
struct FilteredMaps {
  T* values;
  std::int64_t first_row, rows;  ///< Which rows of the output they are.
};

/// Maps as wide as the expansion makes them never lie whole in memory: a band of rows is expanded, a few channels at a
/// time, and filtered while it is in the processor's cache. Expanded maps are [vectors][rows][columns][kLanes] in
/// float32; T is what all others are stored as, float or bfloat16.
template <typename T>
class BandWork {
 public:
  /// @param block      must outlive it, as must `sizes`.
  /// @param band_rows  the most rows of a band.
  /// @param goes_on    whether a band may begin where the one before ended, and use rows that were expanded for it.
  BandWork(const PackedBlock& block, const BlockSizes& sizes, std::int64_t band_rows, bool goes_on);

  /// Floats that it keeps.
  static std::int64_t floats(const BlockSizes& sizes, std::int64_t band_rows, bool goes_on);

  /// The band that the following calls are about; the first band of an image, or of a thread's part of one, follows
  /// none.
  void start(RowBand band);
  /// Expansion and depthwise convolution of the band.
  ///
  /// @param in        the image.
  /// @param filtered  of these rows, or more.
  void filter(std::int64_t chunk, const T* in, const FilteredMaps<T>& filtered);

 private:
  void fill_padding(std::int64_t channel, float* expanded) const;
  void expand(std::int64_t chunk, const T* in, float* expanded) const;

  const PackedBlock& block_;
  const BlockSizes& sizes_;
  std::int64_t expanded_vector_;
  bool goes_on_;
  at::Tensor expanded_;
  RowBand band_{0, 0};
  std::int64_t kept_ = 0;             // Rows that the band before has expanded,
  std::int64_t kept_from_ = 0;        // and where they begin among its own.
  RowBand new_rows_{0, 0};            // Input rows to be expanded,
  std::vector<std::int64_t> places_;  // and where each of their pixels goes to.
};

/// The projection of some pixels, with the shortcut.
///
/// @param first, last  from and to, counted from the first of `filtered`.
/// @param in, out      the images.
template <typename T>
void project(const PackedBlock& block, const BlockSizes& sizes, const FilteredMaps<T>& filtered, std::int64_t first,
             std::int64_t last, const T* in, T* out);

}  // namespace wsss
