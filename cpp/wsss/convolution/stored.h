// How our loops read and write map values stored as float32 or bfloat16.
#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>

#define WSSS_INLINE inline __attribute__((always_inline))

namespace wsss {

/// Channels of which a processor's loops take one, two or four steps: maps of a multiple of it leave no rest.
inline constexpr std::int64_t kLanes = 16;

// Maps are stored as float or bfloat16; arithmetic is in float. Without branches, so that the compiler can vectorise.

WSSS_INLINE float value_of(float stored) { return stored; }
WSSS_INLINE float value_of(c10::BFloat16 stored) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(stored.x) << 16);
}

WSSS_INLINE void store_value(float* to, float value) { *to = value; }
/// Rounds to the nearest value, and halfway between two to the even one. NaN stays NaN, except one whose bits are all
/// set, which arithmetic never produces.
WSSS_INLINE void store_value(c10::BFloat16* to, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  to->x = static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace wsss
