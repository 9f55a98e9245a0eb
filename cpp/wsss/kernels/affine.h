// Kernels for scale, shift, shortcut and clamping of feature maps, and for their gradients.
#pragma once

#include <cstdint>

#include "wsss/kernels/host_device.h"

namespace wsss {

WSSS_HOST_DEVICE inline float clamped(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

/// Where an output is at a bound, no gradient passes. Both bounds are always compared: a branch between them would keep
/// compilers from vectorising.
WSSS_HOST_DEVICE inline float passed(float gradient, float output, float low, float high) {
  const bool stops = (static_cast<int>(output <= low) | static_cast<int>(output >= high)) != 0;
  return stops ? 0.0F : gradient;
}

/// Neighbouring channels that are read and written together.
template <typename T>
struct alignas(4 * sizeof(T)) Pack {
  static constexpr std::int64_t kSize = 4;
  T values[kSize];
};

/// clamp(x * scale + shift + shortcut) over channels-last maps whose channels are a multiple of Pack::kSize; one call
/// does one pack.
template <typename T>
struct AffineForward {
  const Pack<T>* x;
  const Pack<T>* shortcut;     ///< Or null.
  const float *scale, *shift;  ///< [C]
  std::int64_t channels;
  float low, high;
  Pack<T>* y;

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const std::int64_t first = index * Pack<T>::kSize % channels;
    const Pack<T> in = x[index];
    const Pack<T> more = shortcut == nullptr ? Pack<T>{} : shortcut[index];
    Pack<T> out;
    for (std::int64_t i = 0; i < Pack<T>::kSize; ++i) {
      const float affine = static_cast<float>(in.values[i]) * scale[first + i] + shift[first + i];
      out.values[i] = static_cast<T>(clamped(affine + static_cast<float>(more.values[i]), low, high));
    }
    y[index] = out;
  }
};

/// The gradients of AffineForward, from its output.
template <typename T>
struct AffineBackward {
  const Pack<T>*gradient, *y;
  const float* scale;  ///< [C]
  std::int64_t channels;
  float low, high;
  Pack<T>* of_x;
  Pack<T>* of_shortcut;  ///< Or null.

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const std::int64_t first = index * Pack<T>::kSize % channels;
    const Pack<T> in = gradient[index];
    const Pack<T> output = y[index];
    Pack<T> straight, scaled;
    for (std::int64_t i = 0; i < Pack<T>::kSize; ++i) {
      const float through = passed(static_cast<float>(in.values[i]), static_cast<float>(output.values[i]), low, high);
      straight.values[i] = static_cast<T>(through);
      scaled.values[i] = static_cast<T>(through * scale[first + i]);
    }
    of_x[index] = scaled;
    if (of_shortcut != nullptr) of_shortcut[index] = straight;
  }
};

}  // namespace wsss
