#include "wsss/evaluation/patch_counts.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "wsss/core/error.h"

namespace wsss {

namespace {

constexpr std::int64_t kBoundaryCounts = 4;
constexpr std::int64_t kMeanScores = 5;
constexpr std::int64_t kClassScores = 3;

std::int64_t confusion_cells(std::int64_t class_count) { return class_count * (class_count + 1); }
std::int64_t cell_count(std::int64_t class_count) {
  return confusion_cells(class_count) + kBoundaryCounts * class_count;
}

}  // namespace

std::int64_t score_count(std::int64_t class_count) { return kMeanScores + kClassScores * class_count; }

std::vector<double> score_values(const EvaluationScores& scores) {
  std::vector<double> values{scores.pixel_accuracy, scores.mean_class_accuracy, scores.mean_iou,
                             scores.frequency_weighted_iou, scores.mean_boundary_f1};
  for (const auto* of_classes : {&scores.iou, &scores.dice, &scores.boundary_f1}) {
    values.insert(values.end(), of_classes->begin(), of_classes->end());
  }
  return values;
}

EvaluationCounts::EvaluationCounts(std::int64_t class_count)
    : class_count_(class_count), cells_(static_cast<std::size_t>(cell_count(class_count)), 0) {}

void EvaluationCounts::add_patch(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t height,
                                 std::int64_t width, double boundary_tolerance) {
  ConfusionMatrix confusion(class_count_);
  confusion.add(truth, prediction, height * width);
  const auto& counts = confusion.counts();
  for (std::size_t i = 0; i < counts.size(); ++i) cells_[i] += counts[i];
  const auto matches = match_boundaries(truth, prediction, height, width, class_count_, boundary_tolerance);
  auto cell = static_cast<std::size_t>(confusion_cells(class_count_));
  for (const auto& match : matches) {
    for (const auto count : {match.predicted, match.predicted_near, match.truth, match.truth_near}) {
      cells_[cell++] += count;
    }
  }
}

void EvaluationCounts::clear() { std::fill(cells_.begin(), cells_.end(), 0); }

ConfusionMatrix EvaluationCounts::confusion() const {
  return ConfusionMatrix(class_count_, {cells_.begin(), cells_.begin() + confusion_cells(class_count_)});
}

EvaluationScores EvaluationCounts::scores() const {
  EvaluationScores scores{confusion().reported_scores(), 0.0, {}};
  for (std::int64_t k = 0; k < class_count_; ++k) {
    const auto* counts = cells_.data() + confusion_cells(class_count_) + k * kBoundaryCounts;
    scores.boundary_f1.push_back(BoundaryMatches{counts[0], counts[1], counts[2], counts[3]}.f1());
  }
  scores.mean_boundary_f1 = mean_of_numbers(scores.boundary_f1);
  return scores;
}

PatchCounts::PatchCounts(std::int64_t class_count, std::vector<std::int64_t> offsets, std::vector<std::int64_t> cells,
                         std::vector<std::int64_t> values)
    : class_count_(class_count), offsets_(std::move(offsets)), cells_(std::move(cells)), values_(std::move(values)) {
  const std::int64_t limit = cell_count(class_count_);
  const bool fits = !offsets_.empty() && offsets_.front() == 0 && std::is_sorted(offsets_.begin(), offsets_.end()) &&
                    offsets_.back() == static_cast<std::int64_t>(cells_.size()) && cells_.size() == values_.size() &&
                    std::all_of(cells_.begin(), cells_.end(), [&](auto cell) { return cell >= 0 && cell < limit; }) &&
                    std::all_of(values_.begin(), values_.end(), [](auto value) { return value >= 0; });
  if (!fits) throw Error(ErrorCode::kShape, "the counts of the patches do not fit together");
}

void PatchCounts::append(const EvaluationCounts& patch) {
  const auto& counts = patch.cells();
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    if (counts[cell] == 0) continue;
    cells_.push_back(static_cast<std::int64_t>(cell));
    values_.push_back(counts[cell]);
  }
  offsets_.push_back(static_cast<std::int64_t>(cells_.size()));
}

void PatchCounts::add_to(EvaluationCounts& sum, std::int64_t patch, std::int64_t times) const {
  const auto index = static_cast<std::size_t>(patch);
  for (auto i = static_cast<std::size_t>(offsets_[index]); i < static_cast<std::size_t>(offsets_[index + 1]); ++i) {
    sum.add(cells_[i], values_[i] * times);
  }
}

EvaluationCounts PatchCounts::total() const {
  EvaluationCounts sum(class_count_);
  for (std::int64_t patch = 0; patch < size(); ++patch) add_to(sum, patch);
  return sum;
}

PatchCounts PatchCounts::grouped(const std::vector<std::int64_t>& groups) const {
  if (static_cast<std::int64_t>(groups.size()) != size()) {
    throw Error(ErrorCode::kShape, "there must be one group for each of the " + std::to_string(size()) + " patches");
  }
  const std::int64_t last = groups.empty() ? -1 : *std::max_element(groups.begin(), groups.end());
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(last + 1));
  for (std::size_t patch = 0; patch < groups.size(); ++patch) {
    if (groups[patch] < 0) throw Error(ErrorCode::kShape, "groups are counted from 0");
    members[static_cast<std::size_t>(groups[patch])].push_back(static_cast<std::int64_t>(patch));
  }
  PatchCounts sums(class_count_);
  EvaluationCounts sum(class_count_);
  for (const auto& patches : members) {
    if (patches.empty()) throw Error(ErrorCode::kShape, "a group has no patch");
    sum.clear();
    for (const auto patch : patches) add_to(sum, patch);
    sums.append(sum);
  }
  return sums;
}

Evaluation evaluate(const PatchCounts& counts, const CancelToken& cancel) {
  const EvaluationCounts total = counts.total();
  Evaluation evaluation{total.confusion().counts(), score_values(total.scores()), {}};
  EvaluationCounts patch(counts.class_count());
  for (std::int64_t i = 0; i < counts.size(); ++i) {
    cancel.check();
    patch.clear();
    counts.add_to(patch, i);
    const auto values = score_values(patch.scores());
    evaluation.patches.insert(evaluation.patches.end(), values.begin(), values.end());
  }
  return evaluation;
}

double boundary_tolerance(const ComparisonOptions& options, std::int64_t height, std::int64_t width) {
  return options.boundary_tolerance < 0.0 ? default_boundary_tolerance(height, width) : options.boundary_tolerance;
}

PatchCounts compare_masks(const MaskStore& predictions, std::int64_t level, const MaskStore& truth,
                          const ComparisonOptions& options, const CancelToken& cancel) {
  if (predictions.count() != truth.count() || predictions.height() != truth.height() ||
      predictions.width() != truth.width()) {
    throw Error(ErrorCode::kShape, "predictions and ground truth must have the same number and size of masks");
  }
  const CancelScope scope(cancel);
  const double tolerance = boundary_tolerance(options, truth.height(), truth.width());
  PatchCounts counts(options.class_count);
  EvaluationCounts patch(options.class_count);
  for (std::int64_t i = 0; i < truth.count(); ++i) {
    cancel.check();
    patch.clear();
    patch.add_patch(truth.mask(0, i), predictions.mask(level, i), truth.height(), truth.width(), tolerance);
    counts.append(patch);
  }
  return counts;
}

}  // namespace wsss
