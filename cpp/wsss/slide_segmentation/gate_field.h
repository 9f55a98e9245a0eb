// The class gate over a slide: what the classifier says about patches of a grid, and between their centres.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "wsss/slide_segmentation/tile_plan.h"

namespace wsss {

/// Probabilities of patches: rgb [n, side, side, 3] -> [n, K].
using PatchClassifier = std::function<std::vector<float>(const std::vector<std::uint8_t>& rgb, std::int64_t count)>;

/// What the classifier says at any pixel of a map. It is asked about patches of the size that it was trained on, side
/// by side from the slide's corner on, whatever the tiles of the segmenter; at their centres its word stands, between
/// them it is interpolated, so that no border of a patch shows. Patches without tissue are not asked about and do not
/// count.
class GateField {
 public:
  /// @param plan  the map; its tiles are of no matter here.
  GateField(const Slide& slide, const TilePlan& plan, const TissueMask& tissue, std::int64_t patch,
            std::int64_t classes, std::int64_t batch, int threads, PatchClassifier classify);

  /// Asks about what some rows of the map need, and forgets what those above needed.
  void prepare(std::int64_t top, std::int64_t rows, const StopCheck& check);
  /// Probabilities [K, count] at pixels of a prepared row of the map; 1 for every class where no patch is near.
  void probabilities_at(std::int64_t y, std::int64_t left, std::int64_t count, std::vector<float>& probabilities);

 private:
  /// The grid's rows of patches whose centres lie around a row of the map, and how near it is to the second.
  struct Around {
    std::int64_t upper, lower;
    double of_lower;
  };
  Around around(std::int64_t y) const;
  /// Patches of a row of the grid: [columns, K], below 0 where one was not asked about.
  std::vector<float> ask(std::int64_t index, const StopCheck& check) const;

  const Slide& slide_;
  const TilePlan& plan_;
  const TissueMask& tissue_;
  std::int64_t patch_, classes_, batch_;
  std::int64_t columns_, rows_;
  int threads_;
  PatchClassifier classify_;
  std::map<std::int64_t, std::vector<float>> known_;  ///< Rows of the grid.
  std::vector<float> mixed_;
};

}  // namespace wsss
