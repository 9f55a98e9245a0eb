// Pixels of a level brought to another scale, once, with the fraction of their position kept.
#pragma once

#include <cstdint>
#include <vector>

namespace wsss {

/// For every target pixel of one axis the source pixels that it is made of, with weights that sum to 1: Catmull-Rom,
/// widened where the target is coarser, so that nothing finer than its pixels is left (what Pillow calls bicubic).
class AxisWeights {
 public:
  /// @param start          position of the corner of the first target pixel, in source px from the first source pixel.
  /// @param factor         source px per target px.
  /// @param target_count   target px.
  /// @param source_count   source px; what lies beyond them counts nothing.
  AxisWeights(double start, double factor, std::int64_t target_count, std::int64_t source_count);

  /// How far around a target pixel source pixels count, in source px.
  static double reach(double factor);

  /// Whether target px are source px from `first(0)` on.
  bool is_copy() const { return is_copy_; }
  std::int64_t count() const { return static_cast<std::int64_t>(first_.size()); }
  std::int64_t first(std::int64_t target) const { return first_[static_cast<std::size_t>(target)]; }
  std::int64_t taps() const { return taps_; }
  /// taps() weights for the source px from first() on.
  const float* weights(std::int64_t target) const { return weights_.data() + target * taps_; }

 private:
  std::int64_t taps_;
  std::vector<std::int64_t> first_;
  std::vector<float> weights_;
  bool is_copy_;
};

/// @param source  [rows, source_width, 3]; as many rows and px as the weights were made for.
/// @param target  [down.count(), across.count(), 3], rows `target_stride` bytes apart.
void resample(const std::uint8_t* source, std::int64_t source_width, const AxisWeights& across, const AxisWeights& down,
              std::uint8_t* target, std::int64_t target_stride);

}  // namespace wsss
