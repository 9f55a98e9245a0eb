// Confidence intervals of scores by bootstrap, and a paired test of two segmentations.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/core/cancel.h"
#include "wsss/evaluation/patch_counts.h"

namespace wsss {

/// How resamples are drawn. They are drawn from whole groups: patches of one patient resemble each other, and drawn one
/// by one they would make an interval look narrower than it is.
struct ResamplingOptions {
  std::int64_t resamples = 2000;      ///< Of the bootstrap.
  std::int64_t permutations = 10000;  ///< Of the paired test.
  double level = 0.95;                ///< Share of the resamples inside the interval.
  std::uint64_t seed = 0;
};

/// A confidence interval of each score, in the order of score_values().
struct ScoreIntervals {
  std::vector<double> low;
  std::vector<double> high;
};

/// Percentile bootstrap (Efron 1979) of every score: a resample draws as many groups as there are, with replacement,
/// and takes the scores of their summed counts; an interval holds the middle `level` of all resamples. A class that a
/// resample does not hold has no score there and is left out; NaN where no resample has one.
///
/// @param groups  the group of each patch, 0..G-1.
/// @throws Error  kShape as PatchCounts::grouped(); kOption with fewer than two groups; kCancelled.
ScoreIntervals bootstrap_intervals(const PatchCounts& patches, const std::vector<std::int64_t>& groups,
                                   const ResamplingOptions& options, const CancelToken& cancel);

/// One segmentation against another on the same patches; all vectors in the order of score_values().
struct PairedComparison {
  std::vector<double> difference;  ///< Scores of the second minus scores of the first.
  ScoreIntervals intervals;        ///< Of the difference, by a bootstrap that draws the same groups for both.
  std::vector<double> p_values;    ///< Two-sided; NaN where there is no difference to speak of.
  std::int64_t permutations = 0;   ///< How many were looked at.
  bool exact = false;              ///< Whether those were all that there are.
};

/// Approximate randomisation test (Noreen 1989) and paired bootstrap. If the two are equally good, it does not matter
/// which of the two a group's masks come from: in every permutation the toss of a coin decides for each group whether
/// its counts change sides. The p-value is the share of permutations whose difference is at least as large as the one
/// seen. Few groups have few permutations; then all of them are looked at.
///
/// @param groups  the group of each patch, 0..G-1, the same for both.
/// @throws Error  kShape if the two are of different patches, classes or true masks; kOption with fewer than two
///                groups; kCancelled.
PairedComparison compare_paired(const PatchCounts& first, const PatchCounts& second,
                                const std::vector<std::int64_t>& groups, const ResamplingOptions& options,
                                const CancelToken& cancel);

}  // namespace wsss
