// Boundary F1: how closely the class boundaries of two masks agree.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace wsss {

/// Boundary pixels of one class in a pair of masks, or in many: the counts add up.
struct BoundaryMatches {
  std::int64_t predicted = 0;
  std::int64_t predicted_near = 0;  ///< Of `predicted`, those that lie close enough to a boundary pixel of the truth.
  std::int64_t truth = 0;
  std::int64_t truth_near = 0;  ///< Of `truth`, those that lie close enough to a predicted boundary pixel.

  /// Harmonic mean of the share of predicted and the share of true boundary pixels that are near; 0 where only one mask
  /// has a boundary, NaN where neither has.
  double f1() const;
};

/// 0.75 per cent of a patch's diagonal, in pixels: the usual tolerance of boundary scores (Csurka et al. 2013).
double default_boundary_tolerance(std::int64_t height, std::int64_t width);

/// Compares the boundaries of two masks class by class (Csurka et al., "What is a good evaluation measure for semantic
/// segmentation?", BMVC 2013).
///
/// A pixel is on the boundary of its class where one of its four neighbours has another class. Pixels whose ground
/// truth is outside 0..K-1 are left out in both masks: what borders on true background or ignored pixels is no
/// boundary.
///
/// @param truth       [height * width]; values from K on are not scored.
/// @param prediction  [height * width]; values from K on are background: no class to be scored, but unlike all classes.
/// @param tolerance   largest distance in pixels that counts as near, 0 or more.
/// @return            one entry per class.
/// @throws Error      kCancelled inside a CancelScope.
std::vector<BoundaryMatches> match_boundaries(const std::uint8_t* truth, const std::uint8_t* prediction,
                                              std::int64_t height, std::int64_t width, std::int64_t class_count,
                                              double tolerance);

}  // namespace wsss
