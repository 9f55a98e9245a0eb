#include "wsss/classifier/label_scores.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "wsss/core/error.h"

namespace wsss {

namespace {
constexpr float kPresentAbove = 0.5F;
}  // namespace

double round_to_four_decimals(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", value);  // glibc rounds the exact binary value, ties to even
  return std::strtod(text, nullptr);
}

LabelAgreement label_agreement(const float* probabilities, const std::uint8_t* labels, std::int64_t class_count) {
  std::int64_t both = 0;
  std::int64_t either = 0;
  LabelAgreement agreement;
  agreement.exact_match = true;
  for (std::int64_t k = 0; k < class_count; ++k) {
    const bool predicted = probabilities[k] > kPresentAbove;
    const bool labelled = labels[k] == 1;
    both += predicted && labelled ? 1 : 0;
    either += predicted || labelled ? 1 : 0;
    if (predicted != labelled) agreement.exact_match = false;
  }
  if (either > 0) {
    agreement.jaccard = round_to_four_decimals(static_cast<double>(both) / static_cast<double>(either));
  }
  return agreement;
}

void LabelMeter::add(const float* probabilities, const std::uint8_t* labels) {
  const auto class_count = static_cast<std::int64_t>(class_correct_.size());
  const LabelAgreement agreement = label_agreement(probabilities, labels, class_count);
  ++count_;
  exact_sum_ += agreement.exact_match ? 1.0 : 0.0;
  jaccard_sum_ += agreement.jaccard.value_or(1.0);
  for (std::size_t k = 0; k < class_correct_.size(); ++k) {
    if ((probabilities[k] > kPresentAbove) == (labels[k] == 1)) ++class_correct_[k];
  }
}

void LabelMeter::reset() {
  count_ = 0;
  exact_sum_ = 0.0;
  jaccard_sum_ = 0.0;
  std::fill(class_correct_.begin(), class_correct_.end(), 0);
}

Measures LabelMeter::state() const {
  return {{"patches", {static_cast<double>(count_)}},
          {"exactMatchSum", {exact_sum_}},
          {"jaccardSum", {jaccard_sum_}},
          {"classCorrect", {class_correct_.begin(), class_correct_.end()}}};
}

void LabelMeter::restore(const Measures& state) {
  const auto correct = state.find("classCorrect");
  if (correct == state.end() || correct->second.size() != class_correct_.size()) {
    throw Error(ErrorCode::kWeights, "the checkpoint's meters are of another number of classes");
  }
  count_ = static_cast<std::int64_t>(number_of(state, "patches"));
  exact_sum_ = number_of(state, "exactMatchSum");
  jaccard_sum_ = number_of(state, "jaccardSum");
  std::transform(correct->second.begin(), correct->second.end(), class_correct_.begin(),
                 [](double patches) { return static_cast<std::int64_t>(patches); });
}

double LabelMeter::exact_match() const {
  return count_ == 0 ? 0.0 : round_to_four_decimals(exact_sum_ / static_cast<double>(count_));
}

double LabelMeter::jaccard() const {
  return count_ == 0 ? 0.0 : round_to_four_decimals(jaccard_sum_ / static_cast<double>(count_));
}

std::vector<double> LabelMeter::class_accuracy() const {
  std::vector<double> accuracy;
  accuracy.reserve(class_correct_.size());
  for (const std::int64_t correct : class_correct_) {
    accuracy.push_back(count_ == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(count_));
  }
  return accuracy;
}

}  // namespace wsss
