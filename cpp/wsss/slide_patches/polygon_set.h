// Polygons drawn on a slide, each with the value that its pixels have in a mask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace wsss {

/// A position on a slide, in px of level 0.
struct SlidePoint {
  double x = 0.0, y = 0.0;
};

/// A closed line; its last point is not its first once more.
using PolygonRing = std::vector<SlidePoint>;

struct AnnotatedPolygon {
  PolygonRing shell;
  std::vector<PolygonRing> holes;
  std::uint8_t value = 0;
  std::size_t index = 0;                                    ///< Where it stood among those given.
  double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;  ///< Of the shell.
  double area = 0.0;                                        ///< Of the shell without the holes.
};

/// All polygons of a slide, the larger before the smaller: what is drawn inside of something else lies over it.
class PolygonSet {
 public:
  /// @param points    x, y of all points, ring after ring.
  /// @param rings     points of each ring, at least 3.
  /// @param polygons  rings of each polygon: its shell, then its holes.
  /// @param values    of each polygon.
  /// @throws Error kShape if the sizes do not fit each other.
  PolygonSet(const std::vector<double>& points, const std::vector<double>& rings, const std::vector<double>& polygons,
             const std::vector<double>& values);

  const std::vector<AnnotatedPolygon>& polygons() const { return polygons_; }

 private:
  std::vector<AnnotatedPolygon> polygons_;
};

/// Where a ring of a polygon crosses itself; nothing if none does, or if one is so entangled that looking for it would
/// take minutes.
std::optional<SlidePoint> self_crossing(const AnnotatedPolygon& polygon);

}  // namespace wsss
