#include "wsss/evaluation/boundary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "wsss/core/cancel.h"

namespace wsss {

namespace {

constexpr double kToleranceShare = 0.0075;
// Classes are 0..253, so that no class has this number.
constexpr std::uint8_t kNoBoundary = 255;

struct Offset {
  std::int64_t dy, dx;
};

/// Class of each boundary pixel of one mask, kNoBoundary elsewhere.
struct BoundaryMap {
  std::int64_t height, width;
  std::vector<std::uint8_t> classes;

  std::uint8_t at(std::int64_t y, std::int64_t x) const { return classes[static_cast<std::size_t>(y * width + x)]; }
  bool has(std::uint8_t wanted, std::int64_t y, std::int64_t x) const {
    return y >= 0 && y < height && x >= 0 && x < width && at(y, x) == wanted;
  }
};

BoundaryMap boundaries_of(const std::uint8_t* mask, const std::uint8_t* truth, std::int64_t height, std::int64_t width,
                          std::int64_t class_count) {
  constexpr std::array<Offset, 4> kNeighbours{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};
  BoundaryMap map{height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width), kNoBoundary)};
  // All that is no class is one and the same background.
  const auto class_at = [&](std::int64_t p) { return std::min<std::int64_t>(mask[p], class_count); };
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t p = y * width + x;
      if (truth[p] >= class_count || mask[p] >= class_count) continue;
      const bool borders = std::any_of(kNeighbours.begin(), kNeighbours.end(), [&](const Offset& step) {
        const std::int64_t ny = y + step.dy;
        const std::int64_t nx = x + step.dx;
        if (ny < 0 || ny >= height || nx < 0 || nx >= width) return false;
        const std::int64_t n = ny * width + nx;
        return truth[n] < class_count && class_at(n) != class_at(p);
      });
      if (borders) map.classes[static_cast<std::size_t>(p)] = mask[p];
    }
  }
  return map;
}

/// All steps that are no longer than the tolerance, the short ones first.
std::vector<Offset> near_offsets(double tolerance) {
  const auto reach = static_cast<std::int64_t>(std::floor(tolerance));
  std::vector<Offset> offsets;
  for (std::int64_t dy = -reach; dy <= reach; ++dy) {
    for (std::int64_t dx = -reach; dx <= reach; ++dx) {
      if (static_cast<double>(dy * dy + dx * dx) <= tolerance * tolerance) offsets.push_back({dy, dx});
    }
  }
  const auto length = [](const Offset& step) { return step.dy * step.dy + step.dx * step.dx; };
  std::stable_sort(offsets.begin(), offsets.end(),
                   [&](const Offset& a, const Offset& b) { return length(a) < length(b); });
  return offsets;
}

/// Calls `count(class, near)` for every boundary pixel of a map.
template <typename Count>
void for_each_boundary_pixel(const BoundaryMap& map, const BoundaryMap& other, const std::vector<Offset>& offsets,
                             Count count) {
  for (std::int64_t y = 0; y < map.height; ++y) {
    check_cancelled();
    for (std::int64_t x = 0; x < map.width; ++x) {
      const std::uint8_t own = map.at(y, x);
      if (own == kNoBoundary) continue;
      const bool near = std::any_of(offsets.begin(), offsets.end(),
                                    [&](const Offset& step) { return other.has(own, y + step.dy, x + step.dx); });
      count(own, near);
    }
  }
}

}  // namespace

double BoundaryMatches::f1() const {
  if (predicted + truth == 0) return std::numeric_limits<double>::quiet_NaN();
  if (predicted_near == 0 || truth_near == 0) return 0.0;
  const double precision = static_cast<double>(predicted_near) / static_cast<double>(predicted);
  const double recall = static_cast<double>(truth_near) / static_cast<double>(truth);
  return 2.0 * precision * recall / (precision + recall);
}

double default_boundary_tolerance(std::int64_t height, std::int64_t width) {
  return kToleranceShare * std::hypot(static_cast<double>(height), static_cast<double>(width));
}

std::vector<BoundaryMatches> match_boundaries(const std::uint8_t* truth, const std::uint8_t* prediction,
                                              std::int64_t height, std::int64_t width, std::int64_t class_count,
                                              double tolerance) {
  const BoundaryMap predicted = boundaries_of(prediction, truth, height, width, class_count);
  const BoundaryMap true_ones = boundaries_of(truth, truth, height, width, class_count);
  const auto offsets = near_offsets(tolerance);
  std::vector<BoundaryMatches> matches(static_cast<std::size_t>(class_count));
  for_each_boundary_pixel(predicted, true_ones, offsets, [&](std::uint8_t own, bool near) {
    ++matches[own].predicted;
    matches[own].predicted_near += near ? 1 : 0;
  });
  for_each_boundary_pixel(true_ones, predicted, offsets, [&](std::uint8_t own, bool near) {
    ++matches[own].truth;
    matches[own].truth_near += near ? 1 : 0;
  });
  return matches;
}

}  // namespace wsss
