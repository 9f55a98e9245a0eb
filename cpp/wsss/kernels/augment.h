// Kernels that gather, turn, flip, scale and blur the patches and masks of a batch.
#pragma once

#include <cstdint>

#include "wsss/kernels/host_device.h"

namespace wsss {

/// A box filter of fractional radius in 24-bit fixed point: whole pixels weigh `inner`, the two at the rim `outer`.
struct Box {
  std::int64_t radius;
  std::uint32_t inner;
  std::uint32_t outer;
};

/// One value of a blurred line of `length` values, read through at(index); beyond its ends its outermost values repeat.
template <typename Line>
WSSS_HOST_DEVICE std::uint8_t blurred(const Box& box, std::int64_t length, std::int64_t index, const Line& at) {
  const auto value = [&](std::int64_t i) -> std::uint32_t { return at(i < 0 ? 0 : (i >= length ? length - 1 : i)); };
  std::uint32_t sum = 0;
  for (std::int64_t k = -box.radius; k <= box.radius; ++k) sum += value(index + k);
  const std::uint32_t rim = value(index - box.radius - 1) + value(index + box.radius + 1);
  return static_cast<std::uint8_t>((box.inner * sum + box.outer * rim + (1U << 23)) >> 24);
}

/// Places in a patch are in 1/65536 px, and weights between pixels in 1/256, so that a CPU and a GPU make the same
/// bytes.
inline constexpr int kPlaceShift = 16;
inline constexpr int kWeightShift = 8;

/// Where the pixels of an augmented patch come from: the patch is scaled and cut first, then turned, then flipped.
struct PatchGeometry {
  bool flips_horizontally, flips_vertically;
  std::int64_t quarter_turns;  ///< 0 to 3, counter-clockwise; 1 and 3 of square patches only.
  bool scales;                 ///< Without, the four below are of no matter.
  std::int64_t row_start, row_step, column_start, column_step;
};

/// A pixel of the scaled and cut patch.
struct Place {
  std::int64_t row, column;
};

/// The place in the scaled patch that comes to (row, column) of the augmented one.
WSSS_HOST_DEVICE inline Place upright_place(const PatchGeometry& geometry, std::int64_t row, std::int64_t column,
                                            std::int64_t height, std::int64_t width) {
  if (geometry.flips_horizontally) column = width - 1 - column;
  if (geometry.flips_vertically) row = height - 1 - row;
  switch (geometry.quarter_turns) {
    case 1:
      return {column, width - 1 - row};
    case 2:
      return {height - 1 - row, width - 1 - column};
    case 3:
      return {height - 1 - column, row};
    default:
      return {row, column};
  }
}

/// An index of a line that goes on mirrored beyond its ends.
WSSS_HOST_DEVICE inline std::int64_t mirrored_index(std::int64_t index, std::int64_t length) {
  if (index < 0) index = -1 - index;
  if (index >= length) index = 2 * length - 1 - index;
  return index < 0 ? 0 : (index >= length ? length - 1 : index);
}

/// One pixel of an augmented patch or mask, from the whole one.
///
/// @param channels  3: a patch, read between its pixels (bilinear); 1: a mask, whose nearest pixel is taken.
WSSS_HOST_DEVICE inline void gather_pixel(const PatchGeometry& geometry, std::int64_t row, std::int64_t column,
                                          std::int64_t height, std::int64_t width, std::int64_t channels,
                                          const std::uint8_t* from, std::uint8_t* to) {
  const Place place = upright_place(geometry, row, column, height, width);
  if (!geometry.scales) {
    const std::uint8_t* pixel = from + (place.row * width + place.column) * channels;
    for (std::int64_t c = 0; c < channels; ++c) to[c] = pixel[c];
    return;
  }
  const std::int64_t y = geometry.row_start + place.row * geometry.row_step;
  const std::int64_t x = geometry.column_start + place.column * geometry.column_step;
  if (channels == 1) {
    constexpr std::int64_t half = std::int64_t{1} << (kPlaceShift - 1);
    const std::int64_t r = mirrored_index((y + half) >> kPlaceShift, height);
    *to = from[r * width + mirrored_index((x + half) >> kPlaceShift, width)];
    return;
  }
  const std::int64_t top = y >> kPlaceShift, left = x >> kPlaceShift;
  constexpr std::int64_t one = std::int64_t{1} << kWeightShift;
  const std::int64_t down = (y - (top << kPlaceShift)) >> (kPlaceShift - kWeightShift);
  const std::int64_t right = (x - (left << kPlaceShift)) >> (kPlaceShift - kWeightShift);
  const std::uint8_t* upper = from + mirrored_index(top, height) * width * channels;
  const std::uint8_t* lower = from + mirrored_index(top + 1, height) * width * channels;
  const std::int64_t west = mirrored_index(left, width) * channels, east = mirrored_index(left + 1, width) * channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t above = upper[west + c] * (one - right) + upper[east + c] * right;
    const std::int64_t below = lower[west + c] * (one - right) + lower[east + c] * right;
    const std::int64_t sum = above * (one - down) + below * down;
    to[c] = static_cast<std::uint8_t>((sum + (std::int64_t{1} << (2 * kWeightShift - 1))) >> (2 * kWeightShift));
  }
}

/// The middle of a piece of a mosaic. Pixels belong to the piece whose site is nearest, squared distances times
/// weights: whole numbers, so that a CPU and a GPU agree.
struct PieceSite {
  std::int64_t row, column;
  std::int64_t weight;
};

/// What a patch of a batch is gathered from: one of the set, or several side by side.
struct BatchPiece {
  std::int64_t index;  ///< Which of the set.
  PatchGeometry geometry;
  PieceSite site;  ///< Of no matter for a patch of one piece.
};

/// Which of the pieces a pixel is of; the first of those that are as near.
WSSS_HOST_DEVICE inline std::int64_t nearest_piece(const BatchPiece* pieces, std::int64_t count, std::int64_t row,
                                                   std::int64_t column) {
  std::int64_t nearest = 0, least = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const PieceSite& site = pieces[i].site;
    const std::int64_t down = row - site.row, right = column - site.column;
    const std::int64_t distance = (down * down + right * right) * site.weight;
    if (i > 0 && distance >= least) continue;
    nearest = i;
    least = distance;
  }
  return nearest;
}

/// One pixel of a patch or mask of a batch.
///
/// @param set  [N, H, W, C]
WSSS_HOST_DEVICE inline void gather_from_pieces(const BatchPiece* pieces, std::int64_t count, std::int64_t row,
                                                std::int64_t column, std::int64_t height, std::int64_t width,
                                                std::int64_t channels, const std::uint8_t* set, std::uint8_t* to) {
  const BatchPiece& piece = pieces[count == 1 ? 0 : nearest_piece(pieces, count, row, column)];
  gather_pixel(piece.geometry, row, column, height, width, channels, set + piece.index * height * width * channels, to);
}

/// Copies some patches or masks of a set into a batch, each as it is drawn; one call does one pixel.
struct GatherPatches {
  const std::uint8_t* set;    ///< [N, H, W, C]
  const BatchPiece* pieces;   ///< Of all patches of the batch, one after the other.
  const std::int64_t* first;  ///< [n + 1]: where those of each patch begin, and the end of all.
  std::int64_t height, width, channels;
  std::uint8_t* batch;  ///< [n, H, W, C]

  WSSS_HOST_DEVICE void operator()(std::int64_t pixel) const {
    const std::int64_t area = height * width;
    const std::int64_t place = pixel / area;
    gather_from_pieces(pieces + first[place], first[place + 1] - first[place], pixel % area / width, pixel % width,
                       height, width, channels, set, batch + pixel * channels);
  }
};

/// One pass of the box filter over the rows or the columns of RGB patches, one box for each; one call does one value.
struct BlurPatches {
  static constexpr std::int64_t kChannels = 3;
  const std::uint8_t* from;  ///< [n, H, W, 3]
  const Box* boxes;          ///< [n]; inner 0: the patch stays as it is.
  std::int64_t height, width;
  bool along_rows;
  std::uint8_t* to;  ///< [n, H, W, 3]

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const Box& box = boxes[index / (height * width * kChannels)];
    if (box.inner == 0) {
      to[index] = from[index];
      return;
    }
    const std::int64_t pixel = index / kChannels;
    const std::int64_t place = along_rows ? pixel % width : pixel / width % height;
    const std::int64_t stride = along_rows ? kChannels : width * kChannels;
    const std::uint8_t* line = from + (index - place * stride);
    const auto at = [line, stride](std::int64_t i) { return line[i * stride]; };
    to[index] = blurred(box, along_rows ? width : height, place, at);
  }
};

}  // namespace wsss
