// A class map as polygons: valid ones, which cover exactly the pixels of their regions.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wsss {

/// A corner between pixels: (0, 0) is the upper left corner of the first one.
struct Corner {
  std::int64_t x, y;
  bool operator==(const Corner& other) const { return x == other.x && y == other.y; }
};

/// Corners in order, the first not repeated. No corner occurs twice.
using Ring = std::vector<Corner>;

/// A region of pixels of one class that hang together by their sides.
struct Polygon {
  std::uint8_t value;
  Ring shell;               ///< Clockwise, as seen on the screen.
  std::vector<Ring> holes;  ///< Counterclockwise; they meet shell and one another at single corners at most.
  std::int64_t area;        ///< px, without the holes.
};

/// Follows the sides between regions, row by row: memory holds the outlines that are not closed yet, whatever the
/// height of the map.
class PolygonTracer {
 public:
  using PolygonConsumer = std::function<void(const Polygon&)>;

  /// @param background  the class that gets no polygons.
  PolygonTracer(std::int64_t width, std::uint8_t background, PolygonConsumer consume);

  /// @param row  `width` values.
  void add(const std::uint8_t* row);
  /// After the last row.
  void finish();

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = 0xffffffffU;

  struct Point {
    Corner corner;
    bool is_pinch;  ///< Two regions of the same class meet at it; no other corner can occur twice in a ring.
    Index next;
  };
  /// Directed sides that follow each other, with their pixels to the right. Each end waits somewhere to be gone on
  /// with.
  struct Chain {
    Index first, last;                               ///< Into points_.
    Index *begins_at = nullptr, *ends_at = nullptr;  ///< Where its number stands meanwhile.
  };
  /// Chains that wait at the side between two pixels: one begins on it, one ends on it, for the pixels on either side.
  struct Waiting {
    Index beginning = kNone, ending = kNone;
  };

  void visit(std::int64_t x);
  void pass(std::int64_t x, int first, int last, bool is_pinch, Waiting& north, Waiting& west);
  void close(Index chain, std::uint8_t value, Index component);
  void visit_row();
  void label_below();
  void forget_closed_components();

  void let_begin(Index chain, Index& place);
  void let_end(Index chain, Index& place);
  void take(Waiting& from, Waiting& to);
  Index new_point(Corner corner, bool is_pinch);
  Index new_chain(Index point);
  Index component_of(Index id);
  void unite(Index some, Index other);

  std::int64_t width_;
  std::uint8_t background_;
  PolygonConsumer consume_;
  std::int64_t y_ = 0;  ///< Row of corners that is visited next.
  /// Values and components of the rows above and below it, with a column of background on either side.
  std::vector<std::uint8_t> above_, below_;
  std::vector<Index> component_above_, component_below_;
  std::vector<Waiting> north_;  ///< At the sides between the pixels above, one for each corner.
  Waiting west_;
  std::vector<Chain> chains_;
  std::vector<Index> free_chains_;
  std::vector<Point> points_;
  std::vector<Index> free_points_;
  std::vector<Index> components_;                       ///< Each one's parent, itself at the root; 0 is the background.
  std::unordered_map<Index, std::vector<Ring>> holes_;  ///< By root, of components whose shell is still open.
};

/// Twice the signed area of a ring: above 0 if it is clockwise on the screen.
std::int64_t doubled_area(const Ring& ring);

}  // namespace wsss
