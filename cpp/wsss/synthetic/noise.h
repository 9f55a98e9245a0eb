// Reproducible random numbers and smooth noise for inventing tissue.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wsss::synthetic {

/// Steps of 2^-24: the finest that a float below 1 shows without rounding.
inline constexpr float kUnit24 = 1.0F / 16777216.0F;

/// Largest integer <= `value`, for |value| < 2^30.
inline int floor_to_int(float value) {
  const int truncated = static_cast<int>(value);
  return truncated - (value < static_cast<float>(truncated) ? 1 : 0);
}

/// Smooth step from 0 (value <= low) to 1 (value >= high), low < high.
inline float smooth_step(float low, float high, float value) {
  const float t = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3.0F - 2.0F * t);
}

/// Derives an independent 64-bit key from a parent key and a salt (the splitmix64 finaliser).
/// Everything random in a patch hangs on such keys, never on the order in which pixels are visited.
std::uint64_t derive_key(std::uint64_t key, std::uint64_t salt);

/// Small deterministic random number generator (splitmix64): the same key gives the same numbers on every machine.
/// The distributions of the standard library are avoided because their results differ between implementations.
class Random {
 public:
  explicit Random(std::uint64_t key) : state_(key) {}

  std::uint64_t next();
  /// Uniform in [0, 1), in steps of 2^-24.
  float uniform();
  /// Uniform in [low, high).
  float uniform(float low, float high);
  /// Roughly normal in [-1, 1] (sum of four uniforms), standard deviation 0.29.
  float bell();
  /// Uniform integer in [0, bound), bound >= 1.
  int below(int bound);
  bool chance(float probability);

 private:
  std::uint64_t state_;
};

/// A direction in the image plane, of length 1.
struct UnitVector {
  float x = 1.0F;
  float y = 0.0F;
};

/// Uniform direction, drawn by rejection so that no trigonometric function is needed.
UnitVector random_direction(Random& random);

/// Noise of one lattice point, uniform in [0, 1).
inline float lattice_noise(std::uint64_t key, int x, int y) {
  std::uint32_t hash = static_cast<std::uint32_t>(x) * 0x9E3779B1U + static_cast<std::uint32_t>(key);
  hash = (hash ^ (hash >> 15U)) * 0x85EBCA6BU;
  hash ^= static_cast<std::uint32_t>(y) * 0xC2B2AE35U + static_cast<std::uint32_t>(key >> 32U);
  hash = (hash ^ (hash >> 16U)) * 0x7FEB352DU;
  hash = (hash ^ (hash >> 15U)) * 0x846CA68BU;
  return static_cast<float>((hash ^ (hash >> 16U)) >> 8U) * kUnit24;
}

/// Smooth noise in [-1, 1] whose features are about one unit wide; `x` and `y` within +-2^30.
inline float value_noise(std::uint64_t key, float x, float y) {
  const int column = floor_to_int(x);
  const int row = floor_to_int(y);
  const float u = x - static_cast<float>(column);
  const float v = y - static_cast<float>(row);
  const float smooth_u = u * u * (3.0F - 2.0F * u);
  const float smooth_v = v * v * (3.0F - 2.0F * v);
  const float top_left = lattice_noise(key, column, row);
  const float top_right = lattice_noise(key, column + 1, row);
  const float bottom_left = lattice_noise(key, column, row + 1);
  const float bottom_right = lattice_noise(key, column + 1, row + 1);
  const float top = top_left + (top_right - top_left) * smooth_u;
  const float bottom = bottom_left + (bottom_right - bottom_left) * smooth_u;
  return 2.0F * (top + (bottom - top) * smooth_v) - 1.0F;
}

/// Sum of `octaves` >= 1 layers of `value_noise`, each half as wide and half as strong; in [-1, 1].
/// The layers are rotated against each other, which hides the axes of the lattice.
float fractal_noise(std::uint64_t key, float x, float y, int octaves);

}  // namespace wsss::synthetic
