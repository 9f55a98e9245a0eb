// Pixel and boundary counts patch by patch, from which all scores of a segmentation follow.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/dataset/patch_store.h"
#include "wsss/evaluation/boundary.h"
#include "wsss/evaluation/confusion.h"

namespace wsss {

/// All scores of a segmentation, as fractions.
struct EvaluationScores : SegmentationScores {
  double mean_boundary_f1 = 0.0;    ///< Mean over the classes that have a boundary in ground truth or prediction.
  std::vector<double> boundary_f1;  ///< Per class; NaN where neither has one.
};

/// Number of values of score_values().
std::int64_t score_count(std::int64_t class_count);

/// All scores in a row: pixel accuracy, mean class accuracy, mIoU, FwIoU, mean boundary F1, then IoU, Dice and boundary
/// F1 of each class.
std::vector<double> score_values(const EvaluationScores& scores);

/// The counts that all scores are made of, of one patch or summed over many: the confusion matrix, row by row, then
/// the four boundary counts of each class.
class EvaluationCounts {
 public:
  explicit EvaluationCounts(std::int64_t class_count);

  /// Adds a pair of masks, as ConfusionMatrix::add() and match_boundaries() read them.
  void add_patch(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t height, std::int64_t width,
                 double boundary_tolerance);
  void add(std::int64_t cell, std::int64_t count) { cells_[static_cast<std::size_t>(cell)] += count; }
  void clear();

  std::int64_t class_count() const { return class_count_; }
  const std::vector<std::int64_t>& cells() const { return cells_; }
  ConfusionMatrix confusion() const;
  EvaluationScores scores() const;

 private:
  std::int64_t class_count_;
  std::vector<std::int64_t> cells_;
};

/// The counts of every patch of a set. Only those above 0 are kept: a patch holds few of many classes.
class PatchCounts {
 public:
  explicit PatchCounts(std::int64_t class_count) : class_count_(class_count) {}
  /// Counts that were kept elsewhere.
  ///
  /// @param offsets  where the counts of each patch begin, and where the last ones end: from 0 on, never falling.
  /// @param cells    positions in EvaluationCounts::cells(), below the number of cells.
  /// @param values   one count for each of `cells`, 0 or more.
  /// @throws Error   kShape if they do not fit together.
  PatchCounts(std::int64_t class_count, std::vector<std::int64_t> offsets, std::vector<std::int64_t> cells,
              std::vector<std::int64_t> values);

  void append(const EvaluationCounts& patch);
  /// Adds the counts of one patch, `times` over.
  void add_to(EvaluationCounts& sum, std::int64_t patch, std::int64_t times = 1) const;
  EvaluationCounts total() const;
  /// Sums over the patches of each group.
  ///
  /// @param groups  the group of each patch, 0..G-1, none left out.
  /// @throws Error  kShape if there is not one for each patch, or a group has no patch.
  PatchCounts grouped(const std::vector<std::int64_t>& groups) const;

  std::int64_t class_count() const { return class_count_; }
  std::int64_t size() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  const std::vector<std::int64_t>& offsets() const { return offsets_; }
  const std::vector<std::int64_t>& cells() const { return cells_; }
  const std::vector<std::int64_t>& values() const { return values_; }

 private:
  std::int64_t class_count_;
  std::vector<std::int64_t> offsets_{0};
  std::vector<std::int64_t> cells_;
  std::vector<std::int64_t> values_;
};

/// The scores of a whole set and of each of its patches.
struct Evaluation {
  std::vector<std::int64_t> confusion;  ///< As ConfusionMatrix::counts().
  std::vector<double> total;            ///< As score_values().
  std::vector<double> patches;          ///< The same of each patch, [N, score_count()].
};
Evaluation evaluate(const PatchCounts& counts, const CancelToken& cancel);

/// How masks are compared patch by patch.
struct ComparisonOptions {
  std::int64_t class_count = 0;
  double boundary_tolerance = -1.0;  ///< In pixels; below 0: default_boundary_tolerance().
};

/// Counts of one level of a mask store against level 0 of the ground truth.
///
/// @throws Error  kShape if the stores differ in number or size; kCancelled.
PatchCounts compare_masks(const MaskStore& predictions, std::int64_t level, const MaskStore& truth,
                          const ComparisonOptions& options, const CancelToken& cancel);

/// The tolerance that the options mean for patches of this size.
double boundary_tolerance(const ComparisonOptions& options, std::int64_t height, std::int64_t width);

}  // namespace wsss
