#include "wsss/slide/tissue.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace wsss {

namespace {

/// Bounds of the threshold, of 255: glass of any scanner lies below the first, pale tissue above the second.
constexpr int kLeastSaturation = 12;
constexpr int kMostSaturation = 20;
/// Darker pixels without colour are ink, folds of a cover slip, or the scanner's frame.
constexpr int kDark = 60;
/// The outline: a blue that no stain has.
constexpr std::array<std::uint8_t, 3> kOutline{0, 70, 220};

struct Hsv {
  int hue;         ///< Degrees, 0 to 359.
  int saturation;  ///< Of 255.
  int value;       ///< Of 255.
};

Hsv hsv_of(const std::uint8_t* rgb) {
  const int r = rgb[0];
  const int g = rgb[1];
  const int b = rgb[2];
  const int most = std::max({r, g, b});
  const int chroma = most - std::min({r, g, b});
  if (chroma == 0) return {0, 0, most};
  int hue = 0;
  if (most == r) {
    hue = 60 * (g - b) / chroma;
  } else if (most == g) {
    hue = 120 + 60 * (b - r) / chroma;
  } else {
    hue = 240 + 60 * (r - g) / chroma;
  }
  return {(hue + 360) % 360, 255 * chroma / most, most};
}

/// Ink of the pens that slides are marked with. Haematoxylin is violet (hue 230 to 290), eosin pink (310 to 350).
bool is_pen(const Hsv& colour) {
  if (colour.value < kDark && colour.saturation < 100) return true;                                // black
  if (colour.hue >= 60 && colour.hue < 195) return colour.saturation > 40;                         // green
  if (colour.hue >= 195 && colour.hue < 225) return colour.saturation > 100;                       // blue
  return (colour.hue >= 352 || colour.hue < 12) && colour.saturation > 190 && colour.value > 150;  // red
}

/// Otsu's threshold: the one that parts a histogram into the two classes with the largest variance between them.
int otsu(const std::array<std::int64_t, 256>& histogram) {
  const double total = static_cast<double>(std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0}));
  double sum = 0.0;
  for (int i = 0; i < 256; ++i)
    sum += static_cast<double>(i) * static_cast<double>(histogram[static_cast<std::size_t>(i)]);
  double below = 0.0;
  double sum_below = 0.0;
  double best = -1.0;
  int threshold = 0;
  for (int i = 0; i < 256; ++i) {
    below += static_cast<double>(histogram[static_cast<std::size_t>(i)]);
    if (below == 0.0 || below == total) continue;
    sum_below += static_cast<double>(i) * static_cast<double>(histogram[static_cast<std::size_t>(i)]);
    const double difference = sum_below / below - (sum - sum_below) / (total - below);
    const double between = below * (total - below) * difference * difference;
    if (between > best) {
      best = between;
      threshold = i;
    }
  }
  return threshold;
}

using Mask = std::vector<std::uint8_t>;

/// The largest (or smallest) value within a square around each pixel, one axis after the other.
void spread(Mask& mask, std::int64_t width, std::int64_t height, std::int64_t radius, bool is_largest) {
  Mask line;
  const auto along = [&](std::int64_t count, std::int64_t start, std::int64_t step) {
    line.resize(static_cast<std::size_t>(count));
    std::int64_t inside = 0;  // Pixels of the other value in the window.
    const std::uint8_t sought = is_largest ? 1 : 0;
    const auto counts = [&](std::int64_t i) {
      return i >= 0 && i < count && mask[static_cast<std::size_t>(start + i * step)] == sought ? 1 : 0;
    };
    for (std::int64_t i = 0; i < radius; ++i) inside += counts(i);
    for (std::int64_t i = 0; i < count; ++i) {
      inside += counts(i + radius) - counts(i - radius - 1);
      line[static_cast<std::size_t>(i)] = inside > 0 ? sought : 1 - sought;
    }
    for (std::int64_t i = 0; i < count; ++i)
      mask[static_cast<std::size_t>(start + i * step)] = line[static_cast<std::size_t>(i)];
  };
  for (std::int64_t y = 0; y < height; ++y) along(width, y * width, 1);
  for (std::int64_t x = 0; x < width; ++x) along(height, x, width);
}

/// Turns pieces of `value` that are smaller than so many pixels (and, of holes, do not reach the border) to the other.
void drop_small(Mask& mask, std::int64_t width, std::int64_t height, std::uint8_t value, std::int64_t smallest) {
  Mask seen(mask.size(), 0);
  std::vector<std::int64_t> piece;
  for (std::int64_t start = 0; start < width * height; ++start) {
    if (mask[static_cast<std::size_t>(start)] != value || seen[static_cast<std::size_t>(start)] != 0) continue;
    piece.assign(1, start);
    seen[static_cast<std::size_t>(start)] = 1;
    bool is_open = false;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const std::int64_t x = piece[i] % width;
      const std::int64_t y = piece[i] / width;
      const auto visit = [&](std::int64_t to_x, std::int64_t to_y) {
        if (to_x < 0 || to_y < 0 || to_x >= width || to_y >= height) {
          is_open = true;
          return;
        }
        const auto to = static_cast<std::size_t>(to_y * width + to_x);
        if (mask[to] != value || seen[to] != 0) return;
        seen[to] = 1;
        piece.push_back(static_cast<std::int64_t>(to));
      };
      visit(x - 1, y);
      visit(x + 1, y);
      visit(x, y - 1);
      visit(x, y + 1);
    }
    const bool is_kept = static_cast<std::int64_t>(piece.size()) >= smallest || (value == 0 && is_open);
    if (is_kept) continue;
    for (const std::int64_t i : piece) mask[static_cast<std::size_t>(i)] = 1 - value;
  }
}

void outline_tissue(const TissueMask& mask, SlidePicture& picture, std::int64_t line_px) {
  const auto at = [&](std::int64_t x, std::int64_t y) -> std::uint8_t {
    const std::int64_t column = x * mask.width / picture.width;
    const std::int64_t row = y * mask.height / picture.height;
    return mask.tissue[static_cast<std::size_t>(row * mask.width + column)];
  };
  Mask edge(static_cast<std::size_t>(picture.width * picture.height), 0);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      const bool differs =
          (x + 1 < picture.width && at(x, y) != at(x + 1, y)) || (y + 1 < picture.height && at(x, y) != at(x, y + 1));
      edge[static_cast<std::size_t>(y * picture.width + x)] = differs ? 1 : 0;
    }
  }
  spread(edge, picture.width, picture.height, line_px, true);
  for (std::size_t i = 0; i < edge.size(); ++i) {
    if (edge[i] == 0) continue;
    for (std::size_t c = 0; c < 3; ++c) picture.rgb[3 * i + c] = kOutline[c];
  }
}

}  // namespace

double TissueMask::share() const {
  if (tissue.empty()) return 0.0;
  const auto count = std::accumulate(tissue.begin(), tissue.end(), std::int64_t{0});
  return static_cast<double>(count) / static_cast<double>(tissue.size());
}

bool TissueMask::at(double x, double y) const {
  const auto column = static_cast<std::int64_t>(std::floor(x / scale_x));
  const auto row = static_cast<std::int64_t>(std::floor(y / scale_y));
  if (column < 0 || row < 0 || column >= width || row >= height) return false;
  return tissue[static_cast<std::size_t>(row * width + column)] != 0;
}

TissueMask tissue_of(const std::uint8_t* rgb, std::int64_t width, std::int64_t height, const TissueSearch& search) {
  TissueMask mask;
  mask.width = width;
  mask.height = height;
  mask.scale_x = search.scale_x;
  mask.scale_y = search.scale_y;
  mask.tissue.assign(static_cast<std::size_t>(width * height), 0);
  std::array<std::int64_t, 256> histogram{};
  for (std::int64_t i = 0; i < width * height; ++i) {
    const Hsv colour = hsv_of(rgb + 3 * i);
    if (!is_pen(colour)) ++histogram[static_cast<std::size_t>(colour.saturation)];
  }
  mask.threshold = std::clamp(otsu(histogram), kLeastSaturation, kMostSaturation);
  for (std::int64_t i = 0; i < width * height; ++i) {
    const Hsv colour = hsv_of(rgb + 3 * i);
    mask.tissue[static_cast<std::size_t>(i)] = colour.saturation > mask.threshold && !is_pen(colour) ? 1 : 0;
  }
  spread(mask.tissue, width, height, search.closing_px, true);
  spread(mask.tissue, width, height, search.closing_px, false);
  drop_small(mask.tissue, width, height, 0, search.smallest_px);
  drop_small(mask.tissue, width, height, 1, search.smallest_px);
  return mask;
}

TissueMask find_tissue(const Slide& slide, const TissueSearch& search, int threads, const StopCheck& check) {
  const SlidePicture small =
      read_whole(slide, search.scale_x, search.scale_y, pixels_to_cover(slide.width(), search.scale_x),
                 pixels_to_cover(slide.height(), search.scale_y), threads, check);
  return tissue_of(small.rgb.data(), small.width, small.height, search);
}

SlidePicture picture_of(const Slide& slide, const TissueMask& mask, std::int64_t longer_px, int threads,
                        const StopCheck& check) {
  const double longer = static_cast<double>(std::max(slide.width(), slide.height()));
  // A slide smaller than the picture is shown as it is.
  const double scale = std::max(1.0, longer / static_cast<double>(longer_px));
  SlidePicture picture = read_whole(slide, scale, scale, pixels_to_cover(slide.width(), scale),
                                    pixels_to_cover(slide.height(), scale), threads, check);
  outline_tissue(mask, picture, std::max<std::int64_t>(1, std::max(picture.width, picture.height) / 1000));
  return picture;
}

}  // namespace wsss
