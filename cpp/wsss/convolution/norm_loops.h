// The loops of norm_training.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

/// As many channels as a register has doubles.
constexpr std::int64_t kDoubles = kStep / 2;
using DoubleLanes = double __attribute__((vector_size(kDoubles * sizeof(double))));
using FewLanes = float __attribute__((vector_size(kDoubles * sizeof(float))));
using FewBits = std::uint32_t __attribute__((vector_size(kDoubles * sizeof(std::uint32_t))));
using FewHalves = std::uint16_t __attribute__((vector_size(kDoubles * sizeof(std::uint16_t))));

WSSS_INLINE void load(FewLanes& lanes, const float* from) { std::memcpy(&lanes, from, sizeof lanes); }
WSSS_INLINE void load(FewLanes& lanes, const c10::BFloat16* from) {
  // Not lane by lane, which GCC 12 does by way of memory: three tenths of a segmenter's step.
  FewHalves halves;
  std::memcpy(&halves, from, sizeof halves);
  const FewBits bits = __builtin_convertvector(halves, FewBits) << 16;
  std::memcpy(&lanes, &bits, sizeof lanes);
}
/// As pass() of Lanes.
WSSS_INLINE void pass(FewLanes& gradients, const FewLanes& outputs, const Bounds& bounds) {
  gradients = outputs <= FewLanes{} + bounds.low ? FewLanes{} : gradients;
  gradients = outputs >= FewLanes{} + bounds.high ? FewLanes{} : gradients;
}
WSSS_INLINE void add(double* to, const DoubleLanes& lanes) {
  DoubleLanes sum;
  std::memcpy(&sum, to, sizeof sum);
  sum += lanes;
  std::memcpy(to, &sum, sizeof sum);
}

// Pixel after pixel, as they come from memory, which takes longer than to fetch and store the sums of all channels.

/// Sums of x and of its square.
void sum_pixels(const T* x, std::int64_t channels, std::int64_t begin, std::int64_t end, double* sum, double* squares) {
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    std::int64_t c = 0;
    for (; c + kDoubles <= channels; c += kDoubles) {
      FewLanes in{};
      load(in, x + at + c);
      const DoubleLanes wide = __builtin_convertvector(in, DoubleLanes);
      add(sum + c, wide);
      add(squares + c, wide * wide);
    }
    for (; c < channels; ++c) {
      const double value = value_of(x[at + c]);
      sum[c] += value;
      squares[c] += value * value;
    }
  }
}

/// Sums of the gradient that passes the activation, and of it times x.
void sum_gradients(const T* gradient, const T* y, const T* x, const Bounds& bounds, std::int64_t channels,
                   std::int64_t begin, std::int64_t end, double* sum, double* products) {
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    std::int64_t c = 0;
    for (; c + kDoubles <= channels; c += kDoubles) {
      FewLanes through{}, out{}, in{};
      load(through, gradient + at + c);
      load(out, y + at + c);
      load(in, x + at + c);
      pass(through, out, bounds);
      const DoubleLanes wide = __builtin_convertvector(through, DoubleLanes);
      add(sum + c, wide);
      add(products + c, wide * __builtin_convertvector(in, DoubleLanes));
    }
    for (; c < channels; ++c) {
      const double through = passed(value_of(gradient[at + c]), value_of(y[at + c]), bounds.low, bounds.high);
      sum[c] += through;
      products[c] += through * value_of(x[at + c]);
    }
  }
}

/// of_x = passed * scale + x * slope + offset, of_shortcut = passed.
void spread_gradients(const T* gradient, const T* y, const T* x, const Bounds& bounds, const float* scale,
                      const float* slope, const float* offset, std::int64_t channels, std::int64_t begin,
                      std::int64_t end, T* of_x, T* of_shortcut) {
  const Lanes lows = Lanes{} + bounds.low;
  const Lanes highs = Lanes{} + bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    std::int64_t c = 0;
    for (; c + kStep <= channels; c += kStep) {
      Lanes through, in, factor;
      load(through, gradient + at + c);
      load(in, y + at + c);
      pass(through, in, lows, highs);
      if (of_shortcut != nullptr) store(of_shortcut + at + c, through);
      load(factor, scale + c);
      through *= factor;
      load(in, x + at + c);
      load(factor, slope + c);
      through += in * factor;
      load(factor, offset + c);
      through += factor;
      store(of_x + at + c, through);
    }
    for (; c < channels; ++c) {
      const float through = passed(value_of(gradient[at + c]), value_of(y[at + c]), bounds.low, bounds.high);
      if (of_shortcut != nullptr) store_value(of_shortcut + at + c, through);
      store_value(of_x + at + c, through * scale[c] + value_of(x[at + c]) * slope[c] + offset[c]);
    }
  }
}

constexpr Loops<T> loops{&sum_pixels, &sum_gradients, &spread_gradients};
