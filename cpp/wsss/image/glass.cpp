#include "wsss/image/glass.h"

#include <cstddef>

namespace wsss {

namespace {

/// Collects one white area, flood-filling from `seed`, and marks it visited.
void collect_area(std::vector<std::uint8_t>& unvisited, std::int64_t height, std::int64_t width, std::int64_t seed,
                  std::vector<std::int64_t>& area) {
  area.assign(1, seed);
  unvisited[static_cast<std::size_t>(seed)] = 0;
  const auto visit = [&](std::int64_t pixel) {
    auto& flag = unvisited[static_cast<std::size_t>(pixel)];
    if (flag == 0) return;
    flag = 0;
    area.push_back(pixel);
  };
  for (std::size_t next = 0; next < area.size(); ++next) {
    const std::int64_t pixel = area[next];
    const std::int64_t row = pixel / width;
    const std::int64_t col = pixel % width;
    if (row > 0) visit(pixel - width);
    if (row + 1 < height) visit(pixel + width);
    if (col > 0) visit(pixel - 1);
    if (col + 1 < width) visit(pixel + 1);
  }
}

}  // namespace

std::vector<std::uint8_t> grey_values(const std::uint8_t* rgb, std::int64_t height, std::int64_t width) {
  std::vector<std::uint8_t> grey(static_cast<std::size_t>(height * width));
  for (std::size_t i = 0; i < grey.size(); ++i) {
    grey[i] =
        static_cast<std::uint8_t>((9798 * rgb[3 * i] + 19235 * rgb[3 * i + 1] + 3735 * rgb[3 * i + 2] + 16384) >> 15);
  }
  return grey;
}

std::vector<std::uint8_t> glass_mask(const std::uint8_t* rgb, std::int64_t height, std::int64_t width,
                                     const GlassRule& rule) {
  std::vector<std::uint8_t> unvisited = grey_values(rgb, height, width);
  for (auto& value : unvisited) value = value > rule.grey_above ? 1 : 0;

  std::vector<std::uint8_t> glass(unvisited.size(), 0);
  std::vector<std::int64_t> area;
  for (std::int64_t seed = 0; seed < height * width; ++seed) {
    if (unvisited[static_cast<std::size_t>(seed)] == 0) continue;
    collect_area(unvisited, height, width, seed, area);
    if (static_cast<std::int64_t>(area.size()) < rule.min_area_px) continue;
    for (const std::int64_t pixel : area) glass[static_cast<std::size_t>(pixel)] = 1;
  }
  return glass;
}

}  // namespace wsss
