#pragma once

#include <cstdint>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/dataset/patch_store.h"

namespace wsss {

/// Scores of one confusion matrix, as fractions.
struct SegmentationScores {
  double pixel_accuracy = 0.0;
  double mean_class_accuracy = 0.0;  ///< Mean over the classes that the ground truth holds.
  double mean_iou = 0.0;             ///< Mean over the classes in ground truth or prediction.
  double frequency_weighted_iou = 0.0;
  std::vector<double> iou;   ///< Per class; NaN where a class is in neither.
  std::vector<double> dice;  ///< Per class; NaN where a class is in neither.
};

/// Pixel counts over a whole set: rows = ground truth 0..K-1, columns = prediction 0..K, where column K counts tissue
/// predicted as background. Ground truth outside 0..K-1 (background, 255) is not scored.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::int64_t class_count);
  /// The matrix of counts() again.
  ///
  /// @throws Error  kShape if there are not K * (K + 1) counts.
  ConfusionMatrix(std::int64_t class_count, const std::vector<double>& counts);

  /// Adds pixels. Predictions above K count as K.
  void add(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t pixels);
  /// Adds all counts of another matrix, as of patches of another size.
  ///
  /// @throws Error  kShape if it is of another number of classes.
  void add(const ConfusionMatrix& other);

  std::int64_t class_count() const { return class_count_; }
  double at(std::int64_t truth, std::int64_t prediction) const;
  /// K * (K + 1) counts, row by row.
  std::vector<double> counts() const;
  SegmentationScores scores() const;

 private:
  std::int64_t class_count_;
  std::vector<std::int64_t> counts_;
};

/// Confusion of one level of a mask store against level 0 of the ground truth.
///
/// @throws Error  kShape if the stores differ in number or size.
ConfusionMatrix compare_masks(const MaskStore& predictions, std::int64_t level, const MaskStore& truth,
                              std::int64_t class_count, const CancelToken& cancel);

}  // namespace wsss
