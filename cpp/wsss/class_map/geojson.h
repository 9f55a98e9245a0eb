// Polygons as GeoJSON in the form that QuPath opens: annotations with class, colour and area.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "wsss/class_map/output_file.h"
#include "wsss/class_map/polygons.h"

namespace wsss {

/// How polygons are written.
struct GeoJsonOptions {
  std::vector<std::string> names;                    ///< Of the values 0 to size - 1, in UTF-8.
  std::vector<std::array<std::uint8_t, 3>> colours;  ///< Of the same.
  double scale_x = 1.0, scale_y = 1.0;               ///< Px of the slide that a pixel of the polygons is wide and high.
  double offset_x = 0.0, offset_y = 0.0;             ///< Taken from positions: QuPath begins at the slide's bounds.
  double width = 0.0, height = 0.0;                  ///< Of the slide in px; what lies beyond is cut off.
  double pixel_um2 = 1.0;                            ///< Area of a pixel of the polygons.
  double min_area_um2 = 0.0;                         ///< Smaller polygons, without their holes, are left out.
  std::uint64_t seed = 0;                            ///< Of the identifiers: the same map gives the same ones.
};

class GeoJsonWriter {
 public:
  /// @throws Error kIo
  GeoJsonWriter(const std::string& path, GeoJsonOptions options);

  void add(const Polygon& polygon);
  /// @throws Error kIo
  void finish();
  std::int64_t count() const { return count_; }

 private:
  void add_ring(const Ring& ring, std::string& text) const;
  std::string identifier() const;

  GeoJsonOptions options_;
  OutputFile file_;
  std::int64_t count_ = 0;
};

/// Writes the regions of a whole mask.
///
/// @param mask        [height, width]
/// @param background  the value that gets no polygons.
/// @throws Error kIo
void write_regions(const std::string& path, const std::vector<std::uint8_t>& mask, std::int64_t width,
                   std::uint8_t background, GeoJsonOptions options);

}  // namespace wsss
