#include "wsss/slide_segmentation/overlay.h"

namespace wsss {

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

}  // namespace wsss
