// Kernels that gather, flip and blur the patches and masks of a batch.
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

/// Copies some patches or masks of a set into a batch, each flipped as it is drawn; one call does one pixel.
struct GatherPatches {
  const std::uint8_t* set;       ///< [N, H, W, C]
  const std::int64_t* indices;   ///< [n]: which of the set.
  const std::int64_t* mirrored;  ///< [n]: 1 horizontally, 2 vertically, 3 both.
  std::int64_t height, width, channels;
  std::uint8_t* batch;  ///< [n, H, W, C]

  WSSS_HOST_DEVICE void operator()(std::int64_t pixel) const {
    const std::int64_t area = height * width;
    const std::int64_t place = pixel / area;
    std::int64_t row = pixel % area / width;
    std::int64_t column = pixel % width;
    if ((mirrored[place] & 1) != 0) column = width - 1 - column;
    if ((mirrored[place] & 2) != 0) row = height - 1 - row;
    const std::uint8_t* from = set + ((indices[place] * height + row) * width + column) * channels;
    for (std::int64_t c = 0; c < channels; ++c) batch[pixel * channels + c] = from[c];
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
