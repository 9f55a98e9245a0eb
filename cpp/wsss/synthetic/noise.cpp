#include "wsss/synthetic/noise.h"

#include <cmath>

#ifdef __FAST_MATH__
#error "the tissue generator promises the same bytes everywhere: compile it without -ffast-math"
#endif

namespace wsss::synthetic {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9E3779B97F4A7C15ULL;

std::uint64_t finalise(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31U);
}

}  // namespace

std::uint64_t derive_key(std::uint64_t key, std::uint64_t salt) {
  return finalise(finalise(key + kGoldenGamma) ^ (salt * 0xD1342543DE82EF95ULL + kGoldenGamma));
}

std::uint64_t Random::next() {
  state_ += kGoldenGamma;
  return finalise(state_);
}

float Random::uniform() { return static_cast<float>(next() >> 40U) * kUnit24; }

float Random::uniform(float low, float high) { return low + (high - low) * uniform(); }

float Random::bell() {
  const std::uint64_t bits = next();
  const std::uint64_t sum = (bits & 0xFFFFU) + ((bits >> 16U) & 0xFFFFU) + ((bits >> 32U) & 0xFFFFU) + (bits >> 48U);
  return static_cast<float>(static_cast<std::int32_t>(sum) - 131070) * (1.0F / 131072.0F);
}

int Random::below(int bound) { return static_cast<int>(((next() >> 32U) * static_cast<std::uint64_t>(bound)) >> 32U); }

bool Random::chance(float probability) { return uniform() < probability; }

UnitVector random_direction(Random& random) {
  for (;;) {
    const float x = random.uniform(-1.0F, 1.0F);
    const float y = random.uniform(-1.0F, 1.0F);
    const float squared = x * x + y * y;
    if (squared > 0.01F && squared <= 1.0F) {
      const float length = std::sqrt(squared);
      return {x / length, y / length};
    }
  }
}

float fractal_noise(std::uint64_t key, float x, float y, int octaves) {
  float sum = 0.0F;
  float total = 0.0F;
  float amplitude = 1.0F;
  for (int octave = 0; octave < octaves; ++octave) {
    sum += amplitude * value_noise(key + static_cast<std::uint64_t>(octave) * kGoldenGamma, x, y);
    total += amplitude;
    amplitude *= 0.5F;
    // Doubles the frequency and turns by the angle of the (3, 4, 5) triangle.
    const float turned_x = 1.2F * x - 1.6F * y + 17.3F;
    y = 1.6F * x + 1.2F * y - 9.1F;
    x = turned_x;
  }
  return sum / total;
}

}  // namespace wsss::synthetic
