#include "wsss/class_map/polygons.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace wsss {

namespace {

/// A ring as it was followed, and which of its corners may occur twice.
struct FollowedRing {
  Ring corners;
  std::vector<bool> pinches;
};

std::uint64_t key_of(Corner corner) {
  return static_cast<std::uint64_t>(corner.y) << 32U | static_cast<std::uint64_t>(corner.x);
}

/// Parts a ring that meets itself at corners into rings that do not.
std::vector<Ring> simple_rings(const FollowedRing& followed) {
  std::vector<Ring> rings;
  Ring open;
  std::unordered_map<std::uint64_t, std::size_t> seen;  // Pinches that are in `open`, by their place there.
  for (std::size_t i = 0; i < followed.corners.size(); ++i) {
    const Corner corner = followed.corners[i];
    if (followed.pinches[i]) {
      const auto known = seen.find(key_of(corner));
      if (known != seen.end()) {
        const std::size_t start = known->second;
        for (std::size_t k = start + 1; k < open.size(); ++k) seen.erase(key_of(open[k]));
        rings.emplace_back(open.begin() + static_cast<std::ptrdiff_t>(start), open.end());
        open.resize(start + 1);
        continue;
      }
      seen.emplace(key_of(corner), open.size());
    }
    open.push_back(corner);
  }
  rings.push_back(std::move(open));
  return rings;
}

}  // namespace

std::int64_t doubled_area(const Ring& ring) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Corner& a = ring[i];
    const Corner& b = ring[i + 1 == ring.size() ? 0 : i + 1];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum;
}

PolygonTracer::PolygonTracer(std::int64_t width, std::uint8_t background, PolygonConsumer consume)
    : width_(width), background_(background), consume_(std::move(consume)), components_{0} {
  const auto padded = static_cast<std::size_t>(width_ + 2);
  above_.assign(padded, background_);
  below_.assign(padded, background_);
  component_above_.assign(padded, 0);
  component_below_.assign(padded, 0);
  north_.resize(static_cast<std::size_t>(width_ + 1));
}

void PolygonTracer::add(const std::uint8_t* row) {
  std::memcpy(below_.data() + 1, row, static_cast<std::size_t>(width_));
  label_below();
  visit_row();
}

void PolygonTracer::finish() {
  std::fill(below_.begin(), below_.end(), background_);
  label_below();
  visit_row();
}

void PolygonTracer::visit_row() {
  for (std::int64_t x = 0; x <= width_; ++x) visit(x);
  ++y_;
  above_.swap(below_);
  component_above_.swap(component_below_);
  forget_closed_components();
}

/// The four pixels around a corner and the sides between them are numbered clockwise: pixels from the upper left, sides
/// from the upper one, so that side i is between pixels i and i + 1. A side is walked along with its pixel to the
/// right: the side after a pixel leads to the corner, the side before it away from there.
void PolygonTracer::visit(std::int64_t x) {
  const auto at = static_cast<std::size_t>(x);
  const std::uint8_t pixels[4] = {above_[at], above_[at + 1], below_[at + 1], below_[at]};
  int sides = 0;
  for (int i = 0; i < 4; ++i) sides += pixels[i] != pixels[(i + 1) % 4] ? 1 : 0;
  if (sides == 0) return;
  Waiting north;
  Waiting west;
  take(north_[at], north);
  take(west_, west);
  const bool is_pinch = sides == 4 && (pixels[0] == pixels[2] || pixels[1] == pixels[3]);
  for (int first = 0; first < 4; ++first) {
    if (pixels[first] == background_ || pixels[first] == pixels[(first + 3) % 4]) continue;
    int last = first;
    while (pixels[(last + 1) % 4] == pixels[first]) last = (last + 1) % 4;
    pass(x, first, last, is_pinch, north, west);
  }
}

/// Goes on at a corner with the outline of the pixels from `first` to `last`.
void PolygonTracer::pass(std::int64_t x, int first, int last, bool is_pinch, Waiting& north, Waiting& west) {
  const auto at = static_cast<std::size_t>(x);
  const int in = last;
  const int out = (first + 3) % 4;
  const Index arriving = in == 0 ? north.ending : in == 3 ? west.ending : kNone;
  const Index leaving = out == 0 ? north.beginning : out == 3 ? west.beginning : kNone;
  const bool is_straight = (in + 2) % 4 == out;
  const Index point = is_straight ? kNone : new_point({x, y_}, is_pinch);
  Index chain = arriving;
  if (arriving != kNone) {
    if (point != kNone) chains_[arriving].last = points_[chains_[arriving].last].next = point;
  } else if (leaving != kNone) {
    chain = leaving;
    if (point != kNone) {
      points_[point].next = chains_[leaving].first;
      chains_[leaving].first = point;
    }
  } else {
    chain = new_chain(point);
  }
  if (arriving != kNone && leaving != kNone) {
    if (arriving == leaving) {
      const std::size_t column = at + (first == 1 || first == 2 ? 1 : 0);
      close(chain, first < 2 ? above_[column] : below_[column],
            first < 2 ? component_above_[column] : component_below_[column]);
      return;
    }
    const Chain other = chains_[leaving];
    points_[chains_[chain].last].next = other.first;
    chains_[chain].last = other.last;
    let_end(chain, *other.ends_at);
    free_chains_.push_back(leaving);
    return;
  }
  if (arriving == kNone) let_begin(chain, in == 1 ? west_.beginning : north_[at].beginning);
  if (leaving == kNone) let_end(chain, out == 1 ? west_.ending : north_[at].ending);
}

void PolygonTracer::close(Index chain, std::uint8_t value, Index component) {
  FollowedRing followed;
  for (Index point = chains_[chain].first;; point = points_[point].next) {
    followed.corners.push_back(points_[point].corner);
    followed.pinches.push_back(points_[point].is_pinch);
    free_points_.push_back(point);
    if (point == chains_[chain].last) break;
  }
  free_chains_.push_back(chain);
  const Index root = component_of(component);
  Polygon polygon{value, {}, {}, 0};
  for (Ring& ring : simple_rings(followed)) {
    if (doubled_area(ring) > 0) {
      polygon.shell = std::move(ring);
    } else {
      holes_[root].push_back(std::move(ring));
    }
  }
  if (polygon.shell.empty()) return;
  // A shell's lowest corner lies below those of all its holes: they are known.
  const auto holes = holes_.find(root);
  if (holes != holes_.end()) {
    polygon.holes = std::move(holes->second);
    holes_.erase(holes);
  }
  polygon.area = doubled_area(polygon.shell) / 2;
  for (const Ring& hole : polygon.holes) polygon.area += doubled_area(hole) / 2;
  consume_(polygon);
}

void PolygonTracer::label_below() {
  for (std::size_t x = 1; x <= static_cast<std::size_t>(width_); ++x) {
    if (below_[x] == background_) {
      component_below_[x] = 0;
      continue;
    }
    const bool goes_on = below_[x] == below_[x - 1];
    const bool hangs_on = below_[x] == above_[x];
    if (goes_on) {
      component_below_[x] = component_below_[x - 1];
      if (hangs_on) unite(component_below_[x], component_above_[x]);
    } else if (hangs_on) {
      component_below_[x] = component_of(component_above_[x]);
    } else {
      component_below_[x] = static_cast<Index>(components_.size());
      components_.push_back(component_below_[x]);
    }
  }
}

/// Numbers anew what is left in the row above, so that memory does not grow with the height of the map.
void PolygonTracer::forget_closed_components() {
  if (components_.size() < 4 * static_cast<std::size_t>(width_) + 1024) return;
  std::unordered_map<Index, Index> numbers;
  std::vector<Index> components{0};
  for (Index& component : component_above_) {
    if (component == 0) continue;
    const Index root = component_of(component);
    const auto [known, is_new] = numbers.emplace(root, static_cast<Index>(components.size()));
    if (is_new) components.push_back(known->second);
    component = known->second;
  }
  std::unordered_map<Index, std::vector<Ring>> holes;
  for (auto& [root, rings] : holes_) holes[numbers.at(root)] = std::move(rings);
  holes_ = std::move(holes);
  components_ = std::move(components);
}

void PolygonTracer::let_begin(Index chain, Index& place) {
  place = chain;
  chains_[chain].begins_at = &place;
}

void PolygonTracer::let_end(Index chain, Index& place) {
  place = chain;
  chains_[chain].ends_at = &place;
}

/// Moves what waits to another place, and tells the chains.
void PolygonTracer::take(Waiting& from, Waiting& to) {
  if (from.beginning != kNone) let_begin(from.beginning, to.beginning);
  if (from.ending != kNone) let_end(from.ending, to.ending);
  from = Waiting{};
}

PolygonTracer::Index PolygonTracer::new_point(Corner corner, bool is_pinch) {
  const Point point{corner, is_pinch, kNone};
  if (free_points_.empty()) {
    points_.push_back(point);
    return static_cast<Index>(points_.size() - 1);
  }
  const Index index = free_points_.back();
  free_points_.pop_back();
  points_[index] = point;
  return index;
}

PolygonTracer::Index PolygonTracer::new_chain(Index point) {
  const Chain chain{point, point, nullptr, nullptr};
  if (free_chains_.empty()) {
    chains_.push_back(chain);
    return static_cast<Index>(chains_.size() - 1);
  }
  const Index index = free_chains_.back();
  free_chains_.pop_back();
  chains_[index] = chain;
  return index;
}

PolygonTracer::Index PolygonTracer::component_of(Index id) {
  while (components_[id] != id) {
    components_[id] = components_[components_[id]];
    id = components_[id];
  }
  return id;
}

void PolygonTracer::unite(Index some, Index other) {
  const Index root = component_of(some);
  const Index joined = component_of(other);
  if (root == joined) return;
  components_[joined] = root;
  const auto moved = holes_.find(joined);
  if (moved == holes_.end()) return;
  std::vector<Ring> rings = std::move(moved->second);
  holes_.erase(moved);
  std::vector<Ring>& kept = holes_[root];
  if (kept.size() < rings.size()) kept.swap(rings);
  std::move(rings.begin(), rings.end(), std::back_inserter(kept));
}

}  // namespace wsss
