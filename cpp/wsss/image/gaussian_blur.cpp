#include "wsss/image/gaussian_blur.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace wsss {

namespace {

constexpr int kChannels = 3;

/// One pass over `length` pixels that lie `stride` bytes apart.
void blur_line(std::uint8_t* line, std::int64_t length, std::int64_t stride, const Box& box,
               std::vector<std::uint8_t>& copy) {
  copy.resize(static_cast<std::size_t>(length));
  for (int channel = 0; channel < kChannels; ++channel) {
    std::uint8_t* values = line + channel;
    for (std::int64_t i = 0; i < length; ++i) copy[static_cast<std::size_t>(i)] = values[i * stride];
    const auto at = [&](std::int64_t i) { return copy[static_cast<std::size_t>(i)]; };
    for (std::int64_t i = 0; i < length; ++i) values[i * stride] = blurred(box, length, i, at);
  }
}

}  // namespace

Box blur_box(double radius) {
  if (radius <= 0.0) return {};
  const auto gaussian_radius = static_cast<float>(radius);
  const float variance = gaussian_radius * gaussian_radius / kBlurPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(variance) + 1.0));
  const auto l = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  const float a = (2 * l + 1) * (l * (l + 1) - 3 * variance) / (6 * (variance - (l + 1) * (l + 1)));
  const float fractional = l + a;
  const auto whole_radius = static_cast<std::int64_t>(fractional);
  const auto inner = static_cast<std::uint32_t>(static_cast<float>(1 << 24) / (fractional * 2 + 1));
  const auto whole = static_cast<std::uint32_t>(2 * whole_radius + 1);
  return {whole_radius, inner, ((1U << 24) - whole * inner) / 2};
}

void gaussian_blur(std::uint8_t* rgb, std::int64_t height, std::int64_t width, double radius) {
  if (radius <= 0.0) return;
  const Box box = blur_box(radius);
  std::vector<std::uint8_t> copy;
  for (std::int64_t row = 0; row < height; ++row) {
    for (int pass = 0; pass < kBlurPasses; ++pass)
      blur_line(rgb + row * width * kChannels, width, kChannels, box, copy);
  }
  for (std::int64_t col = 0; col < width; ++col) {
    for (int pass = 0; pass < kBlurPasses; ++pass)
      blur_line(rgb + col * kChannels, height, width * kChannels, box, copy);
  }
}

}  // namespace wsss
