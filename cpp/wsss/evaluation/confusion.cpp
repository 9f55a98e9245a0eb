#include "wsss/evaluation/confusion.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>

#include "wsss/core/error.h"

namespace wsss {

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

ConfusionMatrix::ConfusionMatrix(std::int64_t class_count)
    : class_count_(class_count), counts_(static_cast<std::size_t>(class_count * (class_count + 1)), 0) {}

ConfusionMatrix::ConfusionMatrix(std::int64_t class_count, std::vector<std::int64_t> counts)
    : class_count_(class_count), counts_(std::move(counts)) {
  if (static_cast<std::int64_t>(counts_.size()) != class_count * (class_count + 1))
    throw Error(ErrorCode::kShape, "a confusion matrix of another number of classes");
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

SegmentationScores ConfusionMatrix::reported_scores() const {
  SegmentationScores result = scores();
  // Accuracy is 0/0 exactly where no pixel is scored.
  if (std::isnan(result.pixel_accuracy)) result.frequency_weighted_iou = std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace wsss
