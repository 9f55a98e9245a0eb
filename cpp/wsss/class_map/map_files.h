// The files of a finished class map, made in one pass over its rows: OME-TIFF, GeoJSON, areas, a small picture.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "wsss/class_map/band_file.h"

namespace wsss {

/// What is made of a map, and what it shows.
struct MapFiles {
  std::vector<std::string> names;                    ///< Of the K classes and of background, in UTF-8.
  std::vector<std::array<std::uint8_t, 3>> colours;  ///< Of the same.
  double mpp_x = 1.0, mpp_y = 1.0;                   ///< Micrometres a pixel of the map.
  double scale_x = 1.0, scale_y = 1.0;               ///< Px of level 0 that a pixel of the map is wide and high.
  double offset_x = 0.0, offset_y = 0.0;             ///< Of the slide's bounds, in px of level 0.
  double slide_width = 0.0, slide_height = 0.0;      ///< px of level 0
  std::string tiff;                                  ///< Empty = none, here and below.
  std::string confidence_tiff;                       ///< Of the second plane.
  std::string geojson;
  std::int64_t geojson_factor = 1;  ///< So many px of the map become one of the polygons.
  double min_area_um2 = 0.0;
  std::uint64_t seed = 0;
  bool has_heat = false;            ///< Whether the last plane is the probability of one class.
  std::int64_t picture_factor = 0;  ///< So many px of the map become one of the small map; 0 = none.
};

/// What a pass over a map came to.
struct MapSummary {
  std::vector<std::int64_t> pixels;  ///< Of each class and of background.
  std::int64_t polygons = 0;
  std::int64_t small_width = 0, small_height = 0;
  std::vector<std::uint8_t> small_map;   ///< [small_height, small_width]
  std::vector<std::uint8_t> small_heat;  ///< The same of the last plane; empty without.
};

/// @param check  asked for each band; throws to stop.
/// @throws Error kIo if a file can't be written, or the rows are not whole.
MapSummary write_map_files(const std::string& rows_file, const BandLayout& layout, const MapFiles& files,
                           const std::function<void()>& check);

}  // namespace wsss
