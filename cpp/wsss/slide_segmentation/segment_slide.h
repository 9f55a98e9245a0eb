// A whole slide segmented tile by tile, in memory that does not grow with the slide's height.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wsss/class_map/band_file.h"
#include "wsss/slide_segmentation/gate_field.h"
#include "wsss/slide_segmentation/tile_plan.h"

namespace wsss {

/// Logits of tiles: rgb [n, tile, tile, 3] -> [n, K, tile, tile].
using TileSegmenter = std::function<std::vector<float>(const std::vector<std::uint8_t>& rgb, std::int64_t count)>;

/// How the classifier's word is applied, as in segmenter/class_gate.h.
struct SlideGate {
  PatchClassifier classify;
  std::int64_t patch = 0;   ///< Side of the patches that it was trained on, in px of the map.
  float threshold = 0.1F;   ///< A class is open if its probability is above it.
  bool multiplies = false;  ///< Logits of closed classes become 0 (as published) instead of being excluded.
};

/// How a slide is segmented.
struct SlideSegmentation {
  explicit SlideSegmentation(const TilePlan& tiles) : plan(tiles) {}

  TilePlan plan;
  std::int64_t classes = 0;  ///< K; index K of the map is background.
  std::int64_t batch = 1;    ///< Tiles that the network sees at once.
  int threads = 1;           ///< Readers.
  bool confidence = false;   ///< Whether a plane has the winning class's probability, 255 = 1.
  /// Class whose probability is a plane of its own, the last one.
  std::optional<std::int64_t> heat_class;
  std::string rows_file;  ///< Where finished rows go; they are gone on with if it is of the same fingerprint.
  std::string fingerprint;
  TileSegmenter segment;
  std::optional<SlideGate> gate;
};

/// The form of the rows file.
BandLayout layout_of(const SlideSegmentation& work);

/// Called with (tiles done, tiles in all); those of a run before count as done.
using TileObserver = std::function<void(std::int64_t, std::int64_t)>;

/// Writes the classes of every pixel of the plan into `rows_file`, band by band: tissue has a class, everything else is
/// background. The next tiles are read while the network is at work. A run that was stopped goes on with the band after
/// the last whole one, and ends with the same bytes as one that was not.
///
/// @throws Error as Slide::read() and the functions do; kIo if the rows can't be written.
void segment_slide(const Slide& slide, const TissueMask& tissue, const SlideSegmentation& work,
                   const TileObserver& progress, const StopCheck& check);

}  // namespace wsss
