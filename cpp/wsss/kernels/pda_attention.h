// Kernels for the attention map of progressive dropout attention and its gradient.
#pragma once

#include <cstdint>

#include "wsss/kernels/host_device.h"

namespace wsss {

/// The class activation maps of a batch and what progressive dropout attention drops of them.
template <typename T>
struct DroppedMaps {
  const T* maps;        ///< [N, K, h, w], before their rectification.
  const T* thresholds;  ///< [N, K]: everything above is dropped.
  std::int64_t class_count;
  std::int64_t area;  ///< h * w

  WSSS_HOST_DEVICE bool drops(std::int64_t index) const { return maps[index] > thresholds[index / area]; }
};

/// One position of the attention map: the mean over the classes of what is left of their rectified maps.
template <typename T>
struct PdaAttention {
  DroppedMaps<T> dropped;
  T divisor;
  T* attention;  ///< [N, h, w]

  WSSS_HOST_DEVICE void operator()(std::int64_t position) const {
    const std::int64_t first = position / dropped.area * dropped.class_count * dropped.area + position % dropped.area;
    T sum = 0;
    for (std::int64_t k = 0; k < dropped.class_count; ++k) {
      const std::int64_t index = first + k * dropped.area;
      // Written so that a value that is not a number stays one.
      if (!dropped.drops(index) && !(dropped.maps[index] < 0)) sum += dropped.maps[index];
    }
    attention[position] = sum / divisor;
  }
};

/// The gradient at one value of the maps; the thresholds count as constants.
template <typename T>
struct PdaAttentionGradient {
  DroppedMaps<T> dropped;
  T divisor;
  const T* of_attention;  ///< [N, h, w]
  T* of_maps;             ///< [N, K, h, w]

  WSSS_HOST_DEVICE void operator()(std::int64_t index) const {
    const std::int64_t patch = index / (dropped.class_count * dropped.area);
    const bool kept = dropped.maps[index] > 0 && !dropped.drops(index);
    of_maps[index] = kept ? of_attention[patch * dropped.area + index % dropped.area] / divisor : T(0);
  }
};

}  // namespace wsss
