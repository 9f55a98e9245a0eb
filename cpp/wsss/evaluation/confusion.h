// The confusion matrix of a segmentation, and the accuracy, IoU and Dice scores made from it.
#pragma once

#include <cstdint>
#include <vector>

namespace wsss {

/// Mean of the values that are numbers; NaN if none is.
double mean_of_numbers(const std::vector<double>& values);

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
  ConfusionMatrix(std::int64_t class_count, std::vector<std::int64_t> counts);

  /// Adds pixels. Predictions above K count as K.
  void add(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t pixels);
  /// Adds all counts of another matrix, such as that of patches of another size.
  ///
  /// @throws Error  kShape if it has another number of classes.
  void add(const ConfusionMatrix& other);

  std::int64_t class_count() const { return class_count_; }
  double at(std::int64_t truth, std::int64_t prediction) const;
  /// K * (K + 1) counts, row by row.
  const std::vector<std::int64_t>& counts() const { return counts_; }
  /// As published. Where no pixel is scored every score is NaN but FwIoU, which is the sum of nothing, 0.
  SegmentationScores scores() const;
  /// What users see: scores(), but FwIoU is NaN too where no pixel is scored. A 0 would read as a score, pull means
  /// down, and narrow intervals.
  SegmentationScores reported_scores() const;

 private:
  std::int64_t class_count_;
  std::vector<std::int64_t> counts_;
};

}  // namespace wsss
