// The kernel for the gradient of bilinearly enlarged feature maps.
#pragma once

#include <cstdint>

#include "wsss/kernels/enlargement.h"
#include "wsss/kernels/host_device.h"

namespace wsss {

/// The gradient with respect to channels-last maps that were enlarged: each value gathers from those that read it, in
/// one order and in float32. ATen's adds to memory of the maps' own type, in any order: in bfloat16 that rounds after
/// each of some dozens of additions, and no two runs agree.
template <typename T>
struct EnlargementGradient {
  const T* gradient;  ///< [N, H, W, C]
  Enlargement<float> rows, columns;
  std::int64_t channels;
  T* coarse;  ///< [N, h, w, C]

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const std::int64_t channel = index % channels;
    const std::int64_t place = index / channels;
    const std::int64_t column = place % columns.from;
    const std::int64_t row = place / columns.from % rows.from;
    const std::int64_t patch = place / columns.from / rows.from;
    const T* maps = gradient + patch * rows.to * columns.to * channels + channel;
    float sum = 0.0F;
    for (std::int64_t y = rows.first_reader(row); y < rows.end_of_readers(row); ++y) {
      const float share = rows.weight(y, row);
      if (share == 0.0F) continue;
      float line = 0.0F;
      for (std::int64_t x = columns.first_reader(column); x < columns.end_of_readers(column); ++x) {
        line += columns.weight(x, column) * static_cast<float>(maps[(y * columns.to + x) * channels]);
      }
      sum += share * line;
    }
    coarse[index] = static_cast<T>(sum);
  }
};

}  // namespace wsss
