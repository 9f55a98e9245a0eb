#include "wsss/pseudo_mask/index_mask.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "wsss/core/error.h"

namespace wsss {

namespace {

std::vector<std::int64_t> present_classes(const std::uint8_t* labels, std::int64_t class_count) {
  std::vector<std::int64_t> present;
  for (std::int64_t k = 0; k < class_count; ++k) {
    if (labels[k] == 1) present.push_back(k);
  }
  if (present.empty()) {
    throw Error(ErrorCode::kDataset, "a pseudo mask needs a patch-level label with at least one class");
  }
  return present;
}

void mask_from_raw_maps(const float* maps, const std::vector<std::int64_t>& present, std::int64_t pixels,
                        std::uint8_t* mask) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    std::int64_t best = present.front();
    for (const std::int64_t k : present) {
      if (maps[k * pixels + p] > maps[best * pixels + p]) best = k;
    }
    mask[p] = static_cast<std::uint8_t>(best);
  }
}

/// Argmax as the reference computes it: the first of the largest, where NaN is larger than everything.
void mask_from_scaled_maps(const float* maps, const std::uint8_t* labels, std::int64_t class_count, std::int64_t pixels,
                           std::uint8_t* mask) {
  const auto [low, high] = std::minmax_element(maps, maps + class_count * pixels);
  const float minimum = *low;
  const float range = *high - minimum;
  for (std::int64_t p = 0; p < pixels; ++p) {
    std::int64_t best = 0;
    float best_score = -1.0F;
    for (std::int64_t k = 0; k < class_count; ++k) {
      const float score = labels[k] == 1 ? (maps[k * pixels + p] - minimum) / range : 0.0F;
      if (std::isnan(score)) {
        best = k;
        break;
      }
      if (score > best_score) {
        best = k;
        best_score = score;
      }
    }
    mask[p] = static_cast<std::uint8_t>(best);
  }
}

}  // namespace

void index_mask(const float* maps, const std::uint8_t* labels, const std::uint8_t* glass, std::int64_t class_count,
                std::int64_t pixels, CamScaling scaling, std::uint8_t* mask) {
  const auto present = present_classes(labels, class_count);
  bool glass_wins = true;
  if (scaling == CamScaling::kPublished) {
    mask_from_scaled_maps(maps, labels, class_count, pixels, mask);
    const auto [low, high] = std::minmax_element(maps, maps + class_count * pixels);
    glass_wins = *high > *low;  // With constant maps NaN beats even the glass plane.
  } else {
    mask_from_raw_maps(maps, present, pixels, mask);
  }
  if (glass == nullptr || !glass_wins) return;
  for (std::int64_t p = 0; p < pixels; ++p) {
    if (glass[p] != 0) mask[p] = static_cast<std::uint8_t>(class_count);
  }
}

}  // namespace wsss
