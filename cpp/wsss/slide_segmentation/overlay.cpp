#include "wsss/slide_segmentation/overlay.h"

#include <algorithm>
#include <cstddef>

namespace wsss {

namespace {

/// From 0 to 1, each lighter than the one before, so that it reads in grey and by the colour-blind too.
constexpr std::array<std::array<int, 3>, 5> kRamp{
    {{{38, 12, 81}}, {{120, 28, 109}}, {{203, 65, 75}}, {{243, 140, 36}}, {{250, 232, 102}}}};

/// The colour of a probability, 255 = 1.
std::array<int, 3> ramp_colour(std::uint8_t probability) {
  const int position = probability * (static_cast<int>(kRamp.size()) - 1);
  const int step = std::min(position / 255, static_cast<int>(kRamp.size()) - 2);
  const int part = position - step * 255;
  std::array<int, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const int from = kRamp[static_cast<std::size_t>(step)][c];
    const int to = kRamp[static_cast<std::size_t>(step) + 1][c];
    colour[c] = from + (to - from) * part / 255;
  }
  return colour;
}

}  // namespace

SlidePicture overlay_of(const Slide& slide, double scale_x, double scale_y, std::int64_t factor,
                        const std::vector<std::uint8_t>& small_map, std::int64_t width, std::int64_t height,
                        const std::vector<std::array<std::uint8_t, 3>>& colours, int threads, const StopCheck& check) {
  const auto times = static_cast<double>(factor);
  SlidePicture picture = read_whole(slide, scale_x * times, scale_y * times, width, height, threads, check);
  for (std::size_t i = 0; i < small_map.size(); ++i) {
    if (small_map[i] + std::size_t{1} >= colours.size()) continue;
    for (std::size_t c = 0; c < 3; ++c) {
      const int mixed = picture.rgb[3 * i + c] + colours[small_map[i]][c];
      picture.rgb[3 * i + c] = static_cast<std::uint8_t>(mixed / 2);
    }
  }
  return picture;
}

SlidePicture heat_of(const Slide& slide, double scale_x, double scale_y, std::int64_t factor,
                     const std::vector<std::uint8_t>& small_map, const std::vector<std::uint8_t>& small_heat,
                     std::int64_t width, std::int64_t height, std::uint8_t background, int threads,
                     const StopCheck& check) {
  const auto times = static_cast<double>(factor);
  SlidePicture picture = read_whole(slide, scale_x * times, scale_y * times, width, height, threads, check);
  for (std::size_t i = 0; i < small_heat.size(); ++i) {
    if (small_map[i] == background) continue;
    const std::array<int, 3> colour = ramp_colour(small_heat[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      // Two parts of the probability, one of the tissue, by which the place is known.
      picture.rgb[3 * i + c] = static_cast<std::uint8_t>((picture.rgb[3 * i + c] + 2 * colour[c]) / 3);
    }
  }
  return picture;
}

}  // namespace wsss
