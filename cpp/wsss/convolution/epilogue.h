// Activations, and the scale, shift and shortcut that are applied to a layer's output.
#pragma once

#include <limits>

namespace wsss {

/// What is done to the output of a convolution or a batch norm before it goes on.
enum class Activation { kNone, kRelu, kRelu6 };

/// The range that an activation clamps to.
struct Bounds {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

constexpr Bounds bounds_of(Activation activation) {
  Bounds bounds;
  if (activation != Activation::kNone) bounds.low = 0.0F;
  if (activation == Activation::kRelu6) bounds.high = 6.0F;
  return bounds;
}

/// v -> clamp(v * scale + shift + shortcut), per channel and in this order; null = left out.
///
/// @tparam T  what maps are stored as.
template <typename T>
struct Epilogue {
  const float* scale = nullptr;  ///< [C]
  const float* shift = nullptr;  ///< [C]
  const T* shortcut = nullptr;   ///< Channels-last, of the output's shape.
  Bounds bounds;
};

}  // namespace wsss
