// Where on a slide there is tissue: not glass, not dirt, not the marks of a pen.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/slide/slide.h"
#include "wsss/slide/slide_picture.h"

namespace wsss {

/// How tissue is told from everything else.
struct TissueSearch {
  double scale_x = 1.0, scale_y = 1.0;  ///< Px of level 0 that a pixel of the mask is wide and high.
  std::int64_t closing_px = 0;          ///< Gaps of up to twice so many px of the mask are closed.
  std::int64_t smallest_px = 0;         ///< Smaller pieces are dropped and smaller holes filled, in px of the mask.
};

/// Where tissue is.
struct TissueMask {
  std::int64_t width = 0, height = 0;   ///< Pixels of the mask.
  double scale_x = 1.0, scale_y = 1.0;  ///< As searched for.
  std::vector<std::uint8_t> tissue;     ///< [height, width], 1 = tissue.
  int threshold = 0;                    ///< Saturation from which on a pixel is coloured, of 255.

  /// Part of the mask that is tissue, 0 to 1.
  double share() const;
  /// Whether the pixel of the mask under a position of level 0 is tissue; false beyond the slide.
  bool at(double x, double y) const;
};

/// Saturation above Otsu's threshold within bounds (a blank slide has none, and one without glass neither), pens by
/// their colours, then closing, filling and dropping.
///
/// @throws as Slide::read().
TissueMask find_tissue(const Slide& slide, const TissueSearch& search, int threads, const StopCheck& check);

/// The same from pixels.
///
/// @param rgb  [height, width, 3]
TissueMask tissue_of(const std::uint8_t* rgb, std::int64_t width, std::int64_t height, const TissueSearch& search);

/// A picture of the whole slide with its tissue outlined.
///
/// @param longer_px  longer side of the picture.
/// @throws as Slide::read().
SlidePicture picture_of(const Slide& slide, const TissueMask& mask, std::int64_t longer_px, int threads,
                        const StopCheck& check);

}  // namespace wsss
