// Where the pixels of a slide come from: what every reader of slide files offers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wsss {

/// One resolution of a slide.
struct SlideLevel {
  std::int64_t width, height;  ///< px
  double downsample;           ///< Pixels of level 0 that one of its pixels is wide.
};

/// What a slide's file says of the size of its pixels, believable or not.
struct StatedScale {
  double x, y;  ///< Micrometres a pixel of level 0.
  /// `"slide"` = the scanner's own entry, `"ome"` = OME-XML, `"resolution"` = dots per inch of a picture, which
  /// programs fill in without knowing.
  std::string source;
};

/// The part of the grid of a slide in which something was scanned, in px of level 0.
struct SlideBounds {
  std::int64_t x, y, width, height;
};

/// What a slide is. Names, labels and other properties of a file stay in the file: they may name a patient.
struct SlideFacts {
  std::string vendor;  ///< As OpenSlide names it, for example `"aperio"`; `"tiff"`, `"png"`, `"jpeg"` for others.
  std::vector<SlideLevel> levels;  ///< From the finest.
  std::optional<StatedScale> scale;
  std::optional<SlideBounds> bounds;
  std::array<std::uint8_t, 3> background{255, 255, 255};  ///< Where nothing was scanned.
};

/// Pixels of one level.
struct SlideBlock {
  double x = 0.0, y = 0.0;  ///< Position of the corner of its first pixel, in px of its level; not always whole.
  std::int64_t width = 0, height = 0;  ///< px
  std::vector<std::uint8_t> rgb;       ///< [height, width, 3]
};

/// A reader of one open slide. Any number of threads may read at once.
class SlideSource {
 public:
  SlideSource() = default;
  virtual ~SlideSource() = default;
  SlideSource(const SlideSource&) = delete;
  SlideSource& operator=(const SlideSource&) = delete;

  virtual const SlideFacts& facts() const = 0;

  /// Reads pixels of a level, as they are stored wherever that is possible. Positions outside the slide are background.
  ///
  /// @param x, y  the first pixel wanted, in px of the level; the block may begin up to a few pixels before it.
  /// @throws Error kDataset with its position if the region can't be decoded; kIo if the file has gone.
  virtual SlideBlock read(std::size_t level, std::int64_t x, std::int64_t y, std::int64_t width,
                          std::int64_t height) const = 0;
};

/// @param library  OpenSlide's path or soname.
/// @return null if it is no file that OpenSlide knows: another reader may.
/// @throws Error kDataset if it is one and can't be opened; kIo for the library.
std::unique_ptr<SlideSource> open_with_openslide(const std::string& path, const std::string& library,
                                                 std::size_t cache_bytes);

/// Plain TIFF (in strips too), OME-TIFF that OpenSlide refuses, PNG and JPEG.
///
/// @param library  path of the libvips that sharp brings.
/// @throws Error kDataset if it is no such picture, or none in RGB of 8 bits; kIo if it can't be read, or for the
/// library.
std::unique_ptr<SlideSource> open_with_vips(const std::string& path, const std::string& library);

}  // namespace wsss
