#include "wsss/synthetic/slivers.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace wsss::synthetic {
namespace {

// A class counts as present from 3 % of the patch, the rule of the published labels.
constexpr std::size_t kMinSharePercent = 3;

using ClassCounts = std::array<std::size_t, kTissueClasses + 1>;

ClassCounts count_classes(const RegionMap& regions) {
  ClassCounts counts{};
  for (const std::uint8_t value : regions.mask) {
    ++counts[value];
  }
  return counts;
}

/// Calls `visit` with the index of each of the up to four neighbours of a pixel.
template <typename Visitor>
void for_each_neighbour(const RegionMap& regions, std::size_t pixel, Visitor&& visit) {
  const auto width = static_cast<std::size_t>(regions.width);
  const std::size_t column = pixel % width;
  if (column > 0) {
    visit(pixel - 1);
  }
  if (column + 1 < width) {
    visit(pixel + 1);
  }
  if (pixel >= width) {
    visit(pixel - width);
  }
  if (pixel + width < regions.mask.size()) {
    visit(pixel + width);
  }
}

/// The area of one class that contains `start`; marks it in `seen`.
std::vector<std::size_t> collect_area(const RegionMap& regions, std::size_t start, std::vector<bool>& seen) {
  std::vector<std::size_t> area{start};
  seen[start] = true;
  for (std::size_t next = 0; next < area.size(); ++next) {
    for_each_neighbour(regions, area[next], [&](std::size_t neighbour) {
      if (!seen[neighbour] && regions.mask[neighbour] == regions.mask[start]) {
        seen[neighbour] = true;
        area.push_back(neighbour);
      }
    });
  }
  return area;
}

/// The class that touches an area most often, or the area's own class if it fills the patch.
std::uint8_t surrounding_class(const RegionMap& regions, const std::vector<std::size_t>& area) {
  const std::uint8_t own = regions.mask[area.front()];
  ClassCounts touching{};
  for (const std::size_t pixel : area) {
    for_each_neighbour(regions, pixel, [&](std::size_t neighbour) { ++touching[regions.mask[neighbour]]; });
  }
  touching[own] = 0;
  const auto most = std::max_element(touching.begin(), touching.end());
  return *most == 0 ? own : static_cast<std::uint8_t>(most - touching.begin());
}

/// Replaces a class by whatever other tissue is nearest, growing that tissue step by step.
void dissolve_class(RegionMap& regions, std::uint8_t dissolved, std::uint8_t fallback) {
  std::vector<std::size_t> front;
  for (std::size_t pixel = 0; pixel < regions.mask.size(); ++pixel) {
    const std::uint8_t value = regions.mask[pixel];
    if (value != dissolved && value != kGlass) {
      front.push_back(pixel);
    }
  }
  for (std::size_t next = 0; next < front.size(); ++next) {
    for_each_neighbour(regions, front[next], [&](std::size_t neighbour) {
      if (regions.mask[neighbour] == dissolved) {
        regions.mask[neighbour] = regions.mask[front[next]];
        front.push_back(neighbour);
      }
    });
  }
  // What is left is an island in glass.
  std::replace(regions.mask.begin(), regions.mask.end(), dissolved, fallback);
}

}  // namespace

void merge_small_areas(RegionMap& regions, int min_area_px) {
  bool changed = true;
  // Merging can only join areas; it settles in two or three rounds.
  for (int round = 0; changed && round < 8; ++round) {
    changed = false;
    std::vector<bool> seen(regions.mask.size(), false);
    for (std::size_t pixel = 0; pixel < regions.mask.size(); ++pixel) {
      if (seen[pixel]) {
        continue;
      }
      const std::vector<std::size_t> area = collect_area(regions, pixel, seen);
      if (area.size() >= static_cast<std::size_t>(min_area_px)) {
        continue;
      }
      const std::uint8_t own = regions.mask[pixel];
      const std::uint8_t replacement = surrounding_class(regions, area);
      for (const std::size_t member : area) {
        regions.mask[member] = replacement;
      }
      changed = changed || replacement != own;
    }
  }
}

void remove_rare_classes(RegionMap& regions) {
  for (int round = 0; round < kTissueClasses; ++round) {
    const ClassCounts counts = count_classes(regions);
    const auto most = std::max_element(counts.begin(), counts.begin() + kTissueClasses);
    const auto commonest = static_cast<std::uint8_t>(most - counts.begin());
    bool changed = false;
    for (std::uint8_t tissue = 0; tissue < kTissueClasses && !changed; ++tissue) {
      const bool rare = counts[tissue] * 100 < kMinSharePercent * regions.mask.size();
      if (counts[tissue] > 0 && rare && tissue != commonest) {
        dissolve_class(regions, tissue, commonest);
        changed = true;
      }
    }
    if (!changed) {
      return;
    }
  }
}

}  // namespace wsss::synthetic
