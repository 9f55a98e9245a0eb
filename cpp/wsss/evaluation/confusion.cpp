#include "wsss/evaluation/confusion.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>

#include "wsss/core/error.h"

namespace wsss {

namespace {

/// Mean of the values that are numbers; NaN if none is.
double mean_of_numbers(const std::vector<double>& values) {
  double sum = 0.0;
  std::int64_t count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return sum / static_cast<double>(count);  // 0/0 is the NaN wanted
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::int64_t class_count)
    : class_count_(class_count), counts_(static_cast<std::size_t>(class_count * (class_count + 1)), 0) {}

ConfusionMatrix::ConfusionMatrix(std::int64_t class_count, const std::vector<double>& counts)
    : ConfusionMatrix(class_count) {
  if (counts.size() != counts_.size())
    throw Error(ErrorCode::kShape, "a confusion matrix of another number of classes");
  std::transform(counts.begin(), counts.end(), counts_.begin(),
                 [](double count) { return static_cast<std::int64_t>(count); });
}

void ConfusionMatrix::add(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    if (truth[p] >= class_count_) continue;
    const std::int64_t column = prediction[p] < class_count_ ? prediction[p] : class_count_;
    ++counts_[static_cast<std::size_t>(truth[p] * (class_count_ + 1) + column)];
  }
}

void ConfusionMatrix::add(const ConfusionMatrix& other) {
  if (other.class_count_ != class_count_)
    throw Error(ErrorCode::kShape, "a confusion matrix of another number of classes");
  std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(), std::plus<>());
}

double ConfusionMatrix::at(std::int64_t truth, std::int64_t prediction) const {
  return static_cast<double>(counts_[static_cast<std::size_t>(truth * (class_count_ + 1) + prediction)]);
}

std::vector<double> ConfusionMatrix::counts() const { return {counts_.begin(), counts_.end()}; }

SegmentationScores ConfusionMatrix::scores() const {
  SegmentationScores result;
  std::vector<double> class_accuracy;
  std::vector<double> row_sums;
  double total = 0.0;
  double right = 0.0;
  for (std::int64_t k = 0; k < class_count_; ++k) {
    double row = at(k, class_count_);
    double column = 0.0;
    for (std::int64_t j = 0; j < class_count_; ++j) {
      row += at(k, j);
      column += at(j, k);
    }
    const double hit = at(k, k);
    class_accuracy.push_back(hit / row);
    result.iou.push_back(hit / (row + column - hit));
    result.dice.push_back(2.0 * hit / (row + column));
    row_sums.push_back(row);
    total += row;
    right += hit;
  }
  result.pixel_accuracy = right / total;
  result.mean_class_accuracy = mean_of_numbers(class_accuracy);
  result.mean_iou = mean_of_numbers(result.iou);
  for (std::size_t k = 0; k < row_sums.size(); ++k) {
    if (row_sums[k] > 0.0) result.frequency_weighted_iou += row_sums[k] / total * result.iou[k];
  }
  return result;
}

ConfusionMatrix compare_masks(const MaskStore& predictions, std::int64_t level, const MaskStore& truth,
                              std::int64_t class_count, const CancelToken& cancel) {
  if (predictions.count() != truth.count() || predictions.height() != truth.height() ||
      predictions.width() != truth.width()) {
    throw Error(ErrorCode::kShape, "predictions and ground truth must have the same number and size of masks");
  }
  ConfusionMatrix confusion(class_count);
  for (std::int64_t i = 0; i < truth.count(); ++i) {
    cancel.check();
    confusion.add(truth.mask(0, i), predictions.mask(level, i), truth.height() * truth.width());
  }
  return confusion;
}

}  // namespace wsss
