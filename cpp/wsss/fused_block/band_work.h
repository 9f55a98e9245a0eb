// The arithmetic of an inverted residual on some rows of an image, by one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "wsss/fused_block/packed_block.h"

namespace wsss {

/// The sizes of the maps of one call.
struct BlockSizes {
  std::int64_t height, width;          ///< Of the input.
  std::int64_t out_height, out_width;  ///< Of the output.
  SidePadding rows, columns;
  /// Floats from a pixel to the next; maps are channels-last, with whole vectors of channels.
  std::int64_t in_pixel, out_pixel;

  BlockSizes(const BlockShape& shape, std::int64_t in_height, std::int64_t in_width);
};

/// Output rows of an image, from `begin` to `end`.
struct RowBand {
  std::int64_t begin, end;
  std::int64_t rows() const { return end - begin; }
};

/// Maps as wide as the expansion makes them never lie whole in memory: a band of rows is expanded, a few channels at a
/// time, filtered, and projected while it is in the processor's cache. Inside, maps are [vectors of kLanes channels]
/// [rows][columns][kLanes].
class BandWork {
 public:
  /// @param block          must outlive it.
  /// @param band_rows      the most rows of a band.
  /// @param filtered_rows  rows of the maps that filter() writes to.
  /// @param goes_on        whether a band may begin where the one before ended, and use rows that were expanded for it.
  BandWork(const PackedBlock& block, const BlockSizes& sizes, std::int64_t band_rows, std::int64_t filtered_rows,
           bool goes_on);

  /// Floats of the maps that filter() writes to.
  std::int64_t filtered_floats() const { return hidden_vectors() * filtered_vector(); }
  /// All of the memory that such a work takes, in floats.
  static std::int64_t floats(const PackedBlock& block, const BlockSizes& sizes, std::int64_t band_rows, bool goes_on);

  /// The band that the following calls are about; a first band of an image begins at row 0.
  void start(RowBand band);
  /// Neighbouring vectors of hidden channels that are expanded and filtered together.
  std::int64_t chunks() const { return (hidden_vectors() + kVectorsOfAPass - 1) / kVectorsOfAPass; }
  /// Expansion and depthwise convolution of the band.
  ///
  /// @param in        the image.
  /// @param filtered  the band's first row in all channels' maps.
  void filter(std::int64_t chunk, const float* in, float* filtered);
  /// The projection of some of the band's pixels, with the shortcut.
  ///
  /// @param in, out  the images.
  void project(std::int64_t first_pixel, std::int64_t last_pixel, const float* filtered, const float* in,
               float* out) const;

 private:
  std::int64_t hidden_vectors() const { return vectors_of(block_.shape.hidden()); }
  std::int64_t padded_width() const { return sizes_.columns.before + sizes_.width + sizes_.columns.after; }
  /// Padded input rows that so many output rows read.
  std::int64_t rows_read(std::int64_t rows) const;
  std::int64_t expanded_vector() const { return rows_read(band_rows_) * padded_width() * kLanes; }
  std::int64_t filtered_vector() const { return filtered_rows_ * sizes_.out_width * kLanes; }

  void fill_padding(std::int64_t channel, float* expanded) const;
  void expand(std::int64_t chunk, const float* in, float* expanded) const;

  const PackedBlock& block_;
  BlockSizes sizes_;
  std::int64_t band_rows_, filtered_rows_;
  bool goes_on_;
  at::Tensor expanded_;
  RowBand band_{0, 0};
  std::int64_t kept_ = 0;             // Rows that the band before has expanded,
  std::int64_t kept_from_ = 0;        // and where they begin among its own.
  RowBand new_rows_{0, 0};            // Input rows to be expanded,
  std::vector<std::int64_t> places_;  // and where each of their pixels goes to.
};

}  // namespace wsss
