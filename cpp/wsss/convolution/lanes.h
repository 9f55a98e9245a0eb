// Vectors of channels, for loops that each_processor.h compiles: included there once for each instruction set.

/// Channels that are worked on at once: a register of the processor, of which kLanes are one or several. Of vectors
/// that are larger than a register GCC 12 keeps next to none out of memory.
constexpr std::int64_t kStep = WSSS_REGISTER_FLOATS;

/// Channels that lie side by side.
using Lanes = float __attribute__((vector_size(kStep * sizeof(float))));
using LaneBits = std::uint32_t __attribute__((vector_size(kStep * sizeof(std::uint32_t))));
using HalfBits = std::uint16_t __attribute__((vector_size(kStep * sizeof(std::uint16_t))));

WSSS_INLINE void load(Lanes& lanes, const float* from) { std::memcpy(&lanes, from, sizeof lanes); }
WSSS_INLINE void load(Lanes& lanes, const c10::BFloat16* from) {
  HalfBits halves;
  std::memcpy(&halves, from, sizeof halves);
  const LaneBits bits = __builtin_convertvector(halves, LaneBits) << 16;
  std::memcpy(&lanes, &bits, sizeof lanes);
}
WSSS_INLINE void store(float* to, const Lanes& lanes) { std::memcpy(to, &lanes, sizeof lanes); }
WSSS_INLINE void store(c10::BFloat16* to, const Lanes& lanes) {
#if defined(WSSS_MULTIPLIES_BFLOAT16)
  // Rounds as the lines below do, in one instruction; of numbers below 1e-38 it makes 0.
  const __m256bh rounded = _mm512_cvtneps_pbh(reinterpret_cast<const __m512&>(lanes));
  std::memcpy(to, &rounded, sizeof rounded);
#else
  LaneBits bits;
  std::memcpy(&bits, &lanes, sizeof bits);
  bits = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;  // As store_value().
  const HalfBits halves = __builtin_convertvector(bits, HalfBits);
  std::memcpy(to, &halves, sizeof halves);
#endif
}
WSSS_INLINE void clamp(Lanes& values, const Lanes& lows, const Lanes& highs) {
  values = values < lows ? lows : values;
  values = values > highs ? highs : values;
}
/// As passed(). One bound after the other: of both at once GCC 12 makes sixteen branches.
WSSS_INLINE void pass(Lanes& gradients, const Lanes& outputs, const Lanes& lows, const Lanes& highs) {
  gradients = outputs <= lows ? Lanes{} : gradients;
  gradients = outputs >= highs ? Lanes{} : gradients;
}
