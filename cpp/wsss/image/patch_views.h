// Ways to lay a patch: what a network says of each is laid back and averaged, since tissue has no left or right.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace wsss {

enum class PatchViews {
  kOne,         ///< The patch alone, as published.
  kFlips,       ///< The patch and its three mirror images.
  kSymmetries,  ///< All eight ways to lay a square patch; of others the four of kFlips.
};

/// One way to lay [n, channels, height, width].
struct PatchView {
  bool transposed = false;
  std::vector<std::int64_t> mirrored;  ///< Axes.

  at::Tensor lay(const at::Tensor& upright) const {
    return (transposed ? upright.transpose(2, 3) : upright).flip(mirrored);
  }
  at::Tensor lay_back(const at::Tensor& laid) const {
    const at::Tensor unflipped = laid.flip(mirrored);
    return transposed ? unflipped.transpose(2, 3) : unflipped;
  }
};

inline std::vector<PatchView> views_of(PatchViews views, std::int64_t height, std::int64_t width) {
  if (views == PatchViews::kOne) return {PatchView{}};
  std::vector<PatchView> all{{false, {}}, {false, {3}}, {false, {2}}, {false, {2, 3}}};
  if (views == PatchViews::kSymmetries && height == width) {
    for (std::size_t i = 0; i < 4; ++i) all.push_back({true, all[i].mirrored});
  }
  return all;
}

}  // namespace wsss
