#include "wsss/image/gaussian_blur.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace wsss {

namespace {

constexpr int kChannels = 3;
constexpr int kPasses = 3;

/// A box filter of fractional radius in 24-bit fixed point: whole pixels weigh `inner`, the two at the rim `outer`.
struct Box {
  std::int64_t radius;
  std::uint32_t inner;
  std::uint32_t outer;
};

/// Box whose `kPasses`-fold application has the variance of the Gaussian (Gwosdek et al. 2011, the extended box
/// filter). In float32 as Pillow computes it: the weights decide how every pass rounds.
Box box_for(float gaussian_radius) {
  const float variance = gaussian_radius * gaussian_radius / kPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(variance) + 1.0));
  const auto l = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  const float a = (2 * l + 1) * (l * (l + 1) - 3 * variance) / (6 * (variance - (l + 1) * (l + 1)));
  const float fractional = l + a;
  const auto radius = static_cast<std::int64_t>(fractional);
  const auto inner = static_cast<std::uint32_t>(static_cast<float>(1 << 24) / (fractional * 2 + 1));
  const auto whole = static_cast<std::uint32_t>(2 * radius + 1);
  return {radius, inner, ((1U << 24) - whole * inner) / 2};
}

/// One pass over `length` pixels that lie `stride` bytes apart.
void blur_line(std::uint8_t* line, std::int64_t length, std::int64_t stride, const Box& box,
               std::vector<std::uint8_t>& copy) {
  copy.resize(static_cast<std::size_t>(length));
  for (int channel = 0; channel < kChannels; ++channel) {
    std::uint8_t* values = line + channel;
    for (std::int64_t i = 0; i < length; ++i) copy[static_cast<std::size_t>(i)] = values[i * stride];
    const auto at = [&](std::int64_t i) -> std::uint32_t {
      return copy[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, length - 1))];
    };
    for (std::int64_t i = 0; i < length; ++i) {
      std::uint32_t inner_sum = 0;
      for (std::int64_t k = -box.radius; k <= box.radius; ++k) inner_sum += at(i + k);
      const std::uint32_t rim = at(i - box.radius - 1) + at(i + box.radius + 1);
      values[i * stride] = static_cast<std::uint8_t>((box.inner * inner_sum + box.outer * rim + (1U << 23)) >> 24);
    }
  }
}

}  // namespace

void gaussian_blur(std::uint8_t* rgb, std::int64_t height, std::int64_t width, double radius) {
  if (radius <= 0.0) return;
  const Box box = box_for(static_cast<float>(radius));
  std::vector<std::uint8_t> copy;
  for (std::int64_t row = 0; row < height; ++row) {
    for (int pass = 0; pass < kPasses; ++pass) blur_line(rgb + row * width * kChannels, width, kChannels, box, copy);
  }
  for (std::int64_t col = 0; col < width; ++col) {
    for (int pass = 0; pass < kPasses; ++pass) blur_line(rgb + col * kChannels, height, width * kChannels, box, copy);
  }
}

}  // namespace wsss
