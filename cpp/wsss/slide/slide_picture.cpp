#include "wsss/slide/slide_picture.h"

#include <algorithm>
#include <cmath>

namespace wsss {

namespace {

/// Rows that one thread reads at once.
constexpr std::int64_t kBandRows = 64;

}  // namespace

SlidePicture read_whole(const Slide& slide, double scale_x, double scale_y, std::int64_t width, std::int64_t height,
                        int threads, const StopCheck& check) {
  SlidePicture picture;
  picture.width = width;
  picture.height = height;
  picture.rgb.resize(static_cast<std::size_t>(width * height * 3));
  std::vector<SlideRegion> bands;
  for (std::int64_t top = 0; top < height; top += kBandRows) {
    SlideRegion band;
    band.y = static_cast<double>(top) * scale_y;
    band.scale_x = scale_x;
    band.scale_y = scale_y;
    band.width = width;
    band.height = std::min(kBandRows, height - top);
    bands.push_back(band);
  }
  const auto target_of = [&](std::size_t i) {
    return picture.rgb.data() + static_cast<std::int64_t>(i) * kBandRows * width * 3;
  };
  read_regions(slide, bands, target_of, threads, check);
  return picture;
}

std::int64_t pixels_to_cover(std::int64_t size, double scale) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(static_cast<double>(size) / scale - 1e-6)));
}

}  // namespace wsss
