// Positions and weights of bilinear enlargement along one axis, for kernels.
#pragma once

#include <cstdint>

#include "wsss/kernels/host_device.h"

namespace wsss {

/// One axis of a bilinear resize whose corner samples coincide, in ATen's arithmetic.
template <typename T>
struct Enlargement {
  std::int64_t from;  ///< Samples before, 1 or more.
  std::int64_t to;    ///< Samples after, 1 or more.

  /// Between which samples a new one lies, and the share of the second.
  struct Place {
    std::int64_t first, second;
    T share;
  };

  WSSS_HOST_DEVICE T step() const {
    return to > 1 ? static_cast<T>(from - 1) / static_cast<T>(to - 1) : static_cast<T>(0);
  }

  WSSS_HOST_DEVICE Place place(std::int64_t index) const {
    const T position = step() * static_cast<T>(index);
    Place place{};
    place.first = static_cast<std::int64_t>(position);
    if (place.first > from - 1) place.first = from - 1;
    place.second = place.first < from - 1 ? place.first + 1 : place.first;
    const T share = position - static_cast<T>(place.first);
    place.share = share > static_cast<T>(1) ? static_cast<T>(1) : share;
    return place;
  }

  /// What a new sample takes of an old one: the transpose of place().
  WSSS_HOST_DEVICE T weight(std::int64_t index, std::int64_t old) const {
    const Place at = place(index);
    T weight = 0;
    if (at.first == old) weight += static_cast<T>(1) - at.share;
    if (at.second == old) weight += at.share;
    return weight;
  }

  /// The new samples that can read an old one are within [first_reader, end_of_readers).
  WSSS_HOST_DEVICE std::int64_t first_reader(std::int64_t old) const {
    if (from == 1 || old == 0) return 0;
    // One more on each side than exact arithmetic would need.
    const std::int64_t first = (old - 1) * (to - 1) / (from - 1) - 1;
    return first < 0 ? 0 : first;
  }
  WSSS_HOST_DEVICE std::int64_t end_of_readers(std::int64_t old) const {
    if (from == 1 || old >= from - 1) return to;
    const std::int64_t end = (old + 1) * (to - 1) / (from - 1) + 2;
    return end > to ? to : end;
  }
};

}  // namespace wsss
