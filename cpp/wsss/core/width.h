// How many channels a layer has in a narrower or wider network.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace wsss {

/// Channels of a layer in a network of another width: `width` times the paper's count, rounded to a multiple of 16 and
/// at least 16. 16, because LibTorch 2.13's bfloat16 channels-last weight gradient corrupts memory for 8 input
/// channels, and because oneDNN's vector kernels work in blocks of 16.
///
/// @param channels  count in the paper's network, above 0.
/// @param width     multiplier above 0; 1 returns `channels` itself, multiple of 16 or not.
inline std::int64_t scaled_channels(std::int64_t channels, double width) {
  if (width == 1.0) return channels;
  const auto blocks = static_cast<std::int64_t>(std::lround(static_cast<double>(channels) * width / 16.0));
  return std::max<std::int64_t>(1, blocks) * 16;
}

}  // namespace wsss
