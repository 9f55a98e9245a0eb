// Scores of predicted patch labels: exact match, Jaccard index and accuracy per class.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wsss/training/history.h"

namespace wsss {

/// Agreement of one patch's predicted classes (probability strictly above 0.5) with its label.
struct LabelAgreement {
  bool exact_match = false;
  /// |both| / |either|, rounded to four decimals as published; nothing where both sets are empty (the published code
  /// divides by zero there).
  std::optional<double> jaccard;
};

/// @param probabilities  K values.
/// @param labels         K values; present = 1.
LabelAgreement label_agreement(const float* probabilities, const std::uint8_t* labels, std::int64_t class_count);

/// Running means over patches. Two empty sets agree: they count as Jaccard 1.
class LabelMeter {
 public:
  explicit LabelMeter(std::int64_t class_count) : class_correct_(static_cast<std::size_t>(class_count), 0) {}

  void add(const float* probabilities, const std::uint8_t* labels);
  void reset();

  /// The sums, for a checkpoint; restore() goes on from them.
  Measures state() const;
  void restore(const Measures& state);

  std::int64_t count() const { return count_; }
  /// Fractions rounded to four decimals; 0 before the first patch.
  double exact_match() const;
  double jaccard() const;
  /// Per class, the share of patches in which its presence or absence was predicted correctly.
  std::vector<double> class_accuracy() const;

 private:
  std::int64_t count_ = 0;
  double exact_sum_ = 0.0;
  double jaccard_sum_ = 0.0;
  std::vector<std::int64_t> class_correct_;
};

/// Rounds half to even at the fourth decimal, on the exact binary value (Python's round).
double round_to_four_decimals(double value);

}  // namespace wsss
