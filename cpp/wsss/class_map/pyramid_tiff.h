// A map as OME-TIFF: BigTIFF, tiled, deflate, physical sizes, a palette and a pyramid by majority (shades of grey: by
// means).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "wsss/class_map/output_file.h"
#include "wsss/class_map/row_reducer.h"

namespace wsss {

/// What a picture of classes says of itself.
struct PyramidOptions {
  std::int64_t width = 0, height = 0;  ///< px
  double mpp_x = 1.0, mpp_y = 1.0;     ///< Micrometres a pixel.
  /// Colours of the values 0 to size - 1; empty = the values are shades of grey.
  std::vector<std::array<std::uint8_t, 3>> palette;
  std::string description;  ///< OME-XML.
};

/// Takes a map row by row and writes its pyramid as it goes: memory holds one row of tiles of each level.
///
/// All levels are chained, and those above the finest are its SubIFDs too: tifffile finds the pyramid by these,
/// OpenSlide by the chain.
class PyramidTiff {
 public:
  /// @throws Error kIo
  PyramidTiff(const std::string& path, PyramidOptions options);
  ~PyramidTiff();

  /// @param row  `width` values.
  void add(const std::uint8_t* row);

  /// Writes what is left and the directories; the file is whole after it.
  /// @throws Error kIo
  void finish();

 private:
  struct Level;

  void add_to(std::size_t level, const std::uint8_t* row);
  void write_tiles(Level& level);
  void write_directories();

  PyramidOptions options_;
  OutputFile file_;
  std::vector<std::unique_ptr<Level>> levels_;
};

}  // namespace wsss
