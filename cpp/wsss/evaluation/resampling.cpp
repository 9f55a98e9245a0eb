#include "wsss/evaluation/resampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "wsss/core/error.h"
#include "wsss/core/random.h"

namespace wsss {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Two differences that should be equal are sums of the same counts in another order.
constexpr double kRounding = 1e-12;

using Rows = std::vector<std::vector<double>>;

PatchCounts groups_of(const PatchCounts& patches, const std::vector<std::int64_t>& groups) {
  PatchCounts sums = patches.grouped(groups);
  if (sums.size() >= 2) return sums;
  throw Error(ErrorCode::kOption, "resampling needs at least 2 groups, there is " + std::to_string(sums.size()));
}

/// How often each group is drawn in one resample.
std::vector<std::int64_t> draw(std::int64_t groups, std::int64_t resample, std::uint64_t seed) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(groups), 0);
  for (std::int64_t i = 0; i < groups; ++i) {
    const double unit = random_unit(seed, RandomPurpose::kBootstrap, static_cast<std::uint64_t>(resample),
                                    static_cast<std::uint64_t>(i));
    ++times[static_cast<std::size_t>(unit * static_cast<double>(groups))];
  }
  return times;
}

std::vector<double> scores_of(const PatchCounts& groups, const std::vector<std::int64_t>& times) {
  EvaluationCounts sum(groups.class_count());
  for (std::size_t group = 0; group < times.size(); ++group) {
    if (times[group] > 0) groups.add_to(sum, static_cast<std::int64_t>(group), times[group]);
  }
  return score_values(sum.scores());
}

/// Linear between the two nearest of sorted values.
double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return kNaN;
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  const double weight = position - static_cast<double>(below);
  return sorted[below] * (1.0 - weight) + sorted[above] * weight;
}

/// The middle `level` of each column, numbers only.
ScoreIntervals middle_of(const Rows& rows, double level) {
  ScoreIntervals intervals;
  const std::size_t columns = rows.empty() ? 0 : rows.front().size();
  for (std::size_t column = 0; column < columns; ++column) {
    std::vector<double> values;
    for (const auto& row : rows) {
      if (!std::isnan(row[column])) values.push_back(row[column]);
    }
    std::sort(values.begin(), values.end());
    intervals.low.push_back(quantile(values, (1.0 - level) / 2.0));
    intervals.high.push_back(quantile(values, (1.0 + level) / 2.0));
  }
  return intervals;
}

std::vector<double> minus(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), std::minus<>());
  return result;
}

/// Whether a group changes sides in a permutation: the bits of its number where all are looked at, else a coin.
bool changes_sides(std::int64_t group, std::int64_t permutation, bool exact, std::uint64_t seed) {
  if (exact) return ((permutation >> group) & 1) != 0;
  const auto bits = random_bits(seed, RandomPurpose::kPermutation, static_cast<std::uint64_t>(permutation),
                                static_cast<std::uint64_t>(group / 64));
  return ((bits >> (group % 64)) & 1) != 0;
}

/// Scores of the second minus those of the first, after some groups have changed sides.
std::vector<double> permuted_difference(const PatchCounts& first, const PatchCounts& second, std::int64_t permutation,
                                        bool exact, std::uint64_t seed) {
  EvaluationCounts a(first.class_count());
  EvaluationCounts b(first.class_count());
  for (std::int64_t group = 0; group < first.size(); ++group) {
    const bool changed = changes_sides(group, permutation, exact, seed);
    first.add_to(changed ? b : a, group);
    second.add_to(changed ? a : b, group);
  }
  return minus(score_values(b.scores()), score_values(a.scores()));
}

void test_permutations(PairedComparison& result, const PatchCounts& first, const PatchCounts& second,
                       const ResamplingOptions& options, const CancelToken& cancel) {
  constexpr std::int64_t kMostBits = 40;
  const std::int64_t all =
      first.size() > kMostBits ? std::numeric_limits<std::int64_t>::max() : std::int64_t{1} << first.size();
  result.exact = all <= options.permutations;
  result.permutations = result.exact ? all : options.permutations;
  // What was seen is one of the permutations; among all of them it comes up by itself.
  const double seen = result.exact ? 0.0 : 1.0;
  std::vector<double> as_large(result.difference.size(), seen);
  std::vector<double> counted(result.difference.size(), seen);
  for (std::int64_t permutation = 0; permutation < result.permutations; ++permutation) {
    cancel.check();
    const auto difference = permuted_difference(first, second, permutation, result.exact, options.seed);
    for (std::size_t i = 0; i < difference.size(); ++i) {
      if (std::isnan(difference[i])) continue;
      counted[i] += 1.0;
      if (std::abs(difference[i]) >= std::abs(result.difference[i]) - kRounding) as_large[i] += 1.0;
    }
  }
  for (std::size_t i = 0; i < counted.size(); ++i) {
    result.p_values.push_back(std::isnan(result.difference[i]) ? kNaN : as_large[i] / counted[i]);
  }
}

/// True pixels of each class of a patch, which do not depend on what was predicted.
std::vector<double> true_pixels(const PatchCounts& patches, std::int64_t patch) {
  EvaluationCounts counts(patches.class_count());
  patches.add_to(counts, patch);
  const ConfusionMatrix confusion = counts.confusion();
  std::vector<double> pixels;
  for (std::int64_t k = 0; k < patches.class_count(); ++k) {
    double sum = 0.0;
    for (std::int64_t j = 0; j <= patches.class_count(); ++j) sum += confusion.at(k, j);
    pixels.push_back(sum);
  }
  return pixels;
}

}  // namespace

ScoreIntervals bootstrap_intervals(const PatchCounts& patches, const std::vector<std::int64_t>& groups,
                                   const ResamplingOptions& options, const CancelToken& cancel) {
  const PatchCounts sums = groups_of(patches, groups);
  Rows rows;
  for (std::int64_t resample = 0; resample < options.resamples; ++resample) {
    cancel.check();
    rows.push_back(scores_of(sums, draw(sums.size(), resample, options.seed)));
  }
  return middle_of(rows, options.level);
}

PairedComparison compare_paired(const PatchCounts& first, const PatchCounts& second,
                                const std::vector<std::int64_t>& groups, const ResamplingOptions& options,
                                const CancelToken& cancel) {
  if (first.class_count() != second.class_count() || first.size() != second.size()) {
    throw Error(ErrorCode::kShape, "the two segmentations must be of the same patches and classes");
  }
  for (std::int64_t patch = 0; patch < first.size(); ++patch) {
    cancel.check();
    if (true_pixels(first, patch) == true_pixels(second, patch)) continue;
    throw Error(ErrorCode::kShape, "the two segmentations were scored against other true masks: patch " +
                                       std::to_string(patch) + " has other pixels of a class");
  }
  const PatchCounts a = groups_of(first, groups);
  const PatchCounts b = groups_of(second, groups);
  PairedComparison result;
  result.difference = minus(score_values(b.total().scores()), score_values(a.total().scores()));
  Rows rows;
  for (std::int64_t resample = 0; resample < options.resamples; ++resample) {
    cancel.check();
    const auto times = draw(a.size(), resample, options.seed);
    rows.push_back(minus(scores_of(b, times), scores_of(a, times)));
  }
  result.intervals = middle_of(rows, options.level);
  test_permutations(result, a, b, options, cancel);
  return result;
}

}  // namespace wsss
