#include "wsss/slide/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace wsss {

namespace {

/// Catmull-Rom: the cubic that goes through its points.
double cubic(double distance) {
  const double x = std::abs(distance);
  if (x < 1.0) return (1.5 * x - 2.5) * x * x + 1.0;
  return x < 2.0 ? ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 : 0.0;
}

std::uint8_t rounded(float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F)); }

}  // namespace

double AxisWeights::reach(double factor) { return 2.0 * std::max(factor, 1.0); }

AxisWeights::AxisWeights(double start, double factor, std::int64_t target_count, std::int64_t source_count)
    : taps_(std::min(source_count, static_cast<std::int64_t>(std::ceil(2.0 * reach(factor))) + 1)),
      first_(static_cast<std::size_t>(target_count)),
      weights_(static_cast<std::size_t>(target_count * taps_), 0.0F),
      is_copy_(std::abs(factor - 1.0) < 1e-9 && std::abs(start - std::round(start)) < 1e-6) {
  const double stretch = std::max(factor, 1.0);
  std::vector<double> row(static_cast<std::size_t>(taps_));
  for (std::int64_t target = 0; target < target_count; ++target) {
    const double centre = start + (static_cast<double>(target) + 0.5) * factor;
    const auto from = static_cast<std::int64_t>(std::floor(centre - reach(factor)));
    const std::int64_t first = std::clamp<std::int64_t>(from, 0, source_count - taps_);
    double sum = 0.0;
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      const double weight = cubic((static_cast<double>(first + tap) + 0.5 - centre) / stretch);
      row[static_cast<std::size_t>(tap)] = weight;
      sum += weight;
    }
    first_[static_cast<std::size_t>(target)] = first;
    for (std::int64_t tap = 0; tap < taps_ && sum != 0.0; ++tap) {
      weights_[static_cast<std::size_t>(target * taps_ + tap)] =
          static_cast<float>(row[static_cast<std::size_t>(tap)] / sum);
    }
  }
  if (!is_copy_) return;
  const auto offset = static_cast<std::int64_t>(std::round(start));
  is_copy_ = offset >= 0 && offset + target_count <= source_count;
  for (std::int64_t target = 0; target < target_count && is_copy_; ++target) {
    first_[static_cast<std::size_t>(target)] = offset + target;
  }
}

void resample(const std::uint8_t* source, std::int64_t source_width, const AxisWeights& across, const AxisWeights& down,
              std::uint8_t* target, std::int64_t target_stride) {
  const std::int64_t width = across.count();
  const std::int64_t height = down.count();
  if (across.is_copy() && down.is_copy()) {
    for (std::int64_t row = 0; row < height; ++row) {
      const std::uint8_t* from = source + (down.first(row) * source_width + across.first(0)) * 3;
      std::memcpy(target + row * target_stride, from, static_cast<std::size_t>(width * 3));
    }
    return;
  }
  const std::int64_t first_row = down.first(0);
  const std::int64_t end_row = down.is_copy() ? down.first(height - 1) + 1 : down.first(height - 1) + down.taps();
  std::vector<float> narrowed(static_cast<std::size_t>((end_row - first_row) * width * 3));
  for (std::int64_t row = first_row; row < end_row; ++row) {
    const std::uint8_t* line = source + row * source_width * 3;
    float* to = narrowed.data() + (row - first_row) * width * 3;
    for (std::int64_t x = 0; x < width; ++x, to += 3) {
      const std::uint8_t* from = line + across.first(x) * 3;
      if (across.is_copy()) {
        for (int c = 0; c < 3; ++c) to[c] = from[c];
        continue;
      }
      const float* weights = across.weights(x);
      float sum[3] = {0.0F, 0.0F, 0.0F};
      for (std::int64_t tap = 0; tap < across.taps(); ++tap, from += 3) {
        for (int c = 0; c < 3; ++c) sum[c] += weights[tap] * static_cast<float>(from[c]);
      }
      for (int c = 0; c < 3; ++c) to[c] = sum[c];
    }
  }
  std::vector<float> line(static_cast<std::size_t>(width * 3));
  for (std::int64_t row = 0; row < height; ++row) {
    std::fill(line.begin(), line.end(), 0.0F);
    const std::int64_t taps = down.is_copy() ? 1 : down.taps();
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const float weight = down.is_copy() ? 1.0F : down.weights(row)[tap];
      const float* from = narrowed.data() + (down.first(row) + tap - first_row) * width * 3;
      for (std::int64_t i = 0; i < width * 3; ++i) line[static_cast<std::size_t>(i)] += weight * from[i];
    }
    std::uint8_t* to = target + row * target_stride;
    for (std::int64_t i = 0; i < width * 3; ++i) to[i] = rounded(line[static_cast<std::size_t>(i)]);
  }
}

}  // namespace wsss
