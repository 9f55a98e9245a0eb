#include "wsss/slide_patches/polygon_set.h"

#include <algorithm>
#include <cmath>

#include "wsss/core/error.h"

namespace wsss {

namespace {

/// Pairs of sides that are held against each other at most: some seconds.
constexpr std::int64_t kMostPairs = 500'000'000;

double signed_area(const PolygonRing& ring) {
  double twice = 0.0;
  for (std::size_t i = 0, before = ring.size() - 1; i < ring.size(); before = i++) {
    twice += ring[before].x * ring[i].y - ring[i].x * ring[before].y;
  }
  return twice / 2;
}

/// Twice the area of the triangle; its sign says on which side of the line `c` lies.
double turn(const SlidePoint& a, const SlidePoint& b, const SlidePoint& c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/// A side of a ring.
struct Side {
  SlidePoint from, to;
  double left, right;
};

/// Where two sides cross, each within its length; sides that only touch do not.
std::optional<SlidePoint> crossing(const Side& one, const Side& other) {
  const double a = turn(one.from, one.to, other.from);
  const double b = turn(one.from, one.to, other.to);
  const double c = turn(other.from, other.to, one.from);
  const double d = turn(other.from, other.to, one.to);
  if (!((a > 0 && b < 0) || (a < 0 && b > 0)) || !((c > 0 && d < 0) || (c < 0 && d > 0))) return std::nullopt;
  const double along = a / (a - b);
  return SlidePoint{other.from.x + along * (other.to.x - other.from.x),
                    other.from.y + along * (other.to.y - other.from.y)};
}

[[noreturn]] void sizes_disagree() { throw Error(ErrorCode::kShape, "the polygons' sizes do not fit their points"); }

PolygonRing take_ring(const std::vector<double>& points, std::size_t& at, double count) {
  if (!(count >= 3) || at + 2 * static_cast<std::size_t>(count) > points.size()) sizes_disagree();
  PolygonRing ring(static_cast<std::size_t>(count));
  for (SlidePoint& point : ring) {
    point = {points[at], points[at + 1]};
    at += 2;
  }
  return ring;
}

void measure(AnnotatedPolygon& polygon) {
  const auto by_x = [](const SlidePoint& one, const SlidePoint& other) { return one.x < other.x; };
  const auto by_y = [](const SlidePoint& one, const SlidePoint& other) { return one.y < other.y; };
  const auto [left, right] = std::minmax_element(polygon.shell.begin(), polygon.shell.end(), by_x);
  const auto [top, bottom] = std::minmax_element(polygon.shell.begin(), polygon.shell.end(), by_y);
  polygon.left = left->x;
  polygon.right = right->x;
  polygon.top = top->y;
  polygon.bottom = bottom->y;
  polygon.area = std::abs(signed_area(polygon.shell));
  for (const PolygonRing& hole : polygon.holes) polygon.area -= std::abs(signed_area(hole));
}

std::optional<SlidePoint> crossing_of(const PolygonRing& ring) {
  std::vector<Side> sides(ring.size());
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const SlidePoint& from = ring[i];
    const SlidePoint& to = ring[(i + 1) % ring.size()];
    sides[i] = {from, to, std::min(from.x, to.x), std::max(from.x, to.x)};
  }
  std::sort(sides.begin(), sides.end(), [](const Side& one, const Side& other) { return one.left < other.left; });
  std::int64_t pairs = 0;
  std::vector<const Side*> active;
  for (const Side& side : sides) {
    std::erase_if(active, [&](const Side* other) { return other->right < side.left; });
    pairs += static_cast<std::int64_t>(active.size());
    if (pairs > kMostPairs) return std::nullopt;
    for (const Side* other : active) {
      if (const auto point = crossing(side, *other)) return point;
    }
    active.push_back(&side);
  }
  return std::nullopt;
}

}  // namespace

PolygonSet::PolygonSet(const std::vector<double>& points, const std::vector<double>& rings,
                       const std::vector<double>& polygons, const std::vector<double>& values) {
  if (polygons.size() != values.size()) sizes_disagree();
  polygons_.resize(polygons.size());
  std::size_t point = 0;
  std::size_t ring = 0;
  for (std::size_t i = 0; i < polygons.size(); ++i) {
    if (!(polygons[i] >= 1) || ring + static_cast<std::size_t>(polygons[i]) > rings.size()) sizes_disagree();
    AnnotatedPolygon& polygon = polygons_[i];
    polygon.shell = take_ring(points, point, rings[ring++]);
    polygon.holes.resize(static_cast<std::size_t>(polygons[i]) - 1);
    for (PolygonRing& hole : polygon.holes) hole = take_ring(points, point, rings[ring++]);
    polygon.value = static_cast<std::uint8_t>(values[i]);
    polygon.index = i;
    measure(polygon);
  }
  if (point != points.size() || ring != rings.size()) sizes_disagree();
  std::stable_sort(polygons_.begin(), polygons_.end(),
                   [](const auto& one, const auto& other) { return one.area > other.area; });
}

std::optional<SlidePoint> self_crossing(const AnnotatedPolygon& polygon) {
  auto point = crossing_of(polygon.shell);
  for (const PolygonRing& hole : polygon.holes) {
    if (!point) point = crossing_of(hole);
  }
  return point;
}

}  // namespace wsss
