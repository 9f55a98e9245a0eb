// The loops of loops.cpp, compiled by each_processor.h: products of pixels with 1x1 weights, and depthwise filters.

#include "wsss/convolution/lanes.h"

/// Inputs of a pixel that are multiplied at once, as inputs_at_once().
constexpr std::int64_t kGroup = 4 / sizeof(T);

#if defined(WSSS_MULTIPLIES_BFLOAT16)
/// Of kStep outputs, the weights of one group of inputs.
using Weights = __m512bh;
/// A group of inputs of a pixel, for all outputs.
using Inputs = __m512bh;

WSSS_INLINE Weights weights_at(const T* from) {
  Weights weights;
  std::memcpy(&weights, from, sizeof weights);
  return weights;
}
WSSS_INLINE Inputs inputs_at(const T* from) {
  int pair;
  std::memcpy(&pair, from, sizeof pair);
  return reinterpret_cast<Inputs>(_mm512_set1_epi32(pair));
}
WSSS_INLINE void add_product(Lanes& sum, const Weights& weights, const Inputs& inputs) {
  sum = reinterpret_cast<Lanes>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), weights, inputs));
}
#else
/// Of kStep outputs, the weights of one group of inputs.
struct Weights {
  Lanes of[kGroup];
};
/// A group of inputs of a pixel.
struct Inputs {
  float of[kGroup];
};

WSSS_INLINE Weights weights_at(const float* from) {
  Weights weights;
  load(weights.of[0], from);
  return weights;
}
WSSS_INLINE Weights weights_at(const c10::BFloat16* from) {
  // The two of a pair lie side by side: the first in the lower half of 32 bits.
  LaneBits pairs;
  std::memcpy(&pairs, from, sizeof pairs);
  const LaneBits first = pairs << 16, second = pairs & 0xffff0000U;
  Weights weights;
  std::memcpy(&weights.of[0], &first, sizeof first);
  std::memcpy(&weights.of[kGroup - 1], &second, sizeof second);
  return weights;
}
WSSS_INLINE Inputs inputs_at(const T* from) {
  Inputs inputs;
  for (std::int64_t i = 0; i < kGroup; ++i) inputs.of[i] = value_of(from[i]);
  return inputs;
}
WSSS_INLINE void add_product(Lanes& sum, const Weights& weights, const Inputs& inputs) {
#pragma GCC unroll 2
  for (std::int64_t i = 0; i < kGroup; ++i) sum += weights.of[i] * inputs.of[i];
}
#endif

// As many sums at once as there are registers, but for those of the weights and of the inputs that are multiplied: 28
// of 32, or 12 of 16; of pairs that have to be taken apart, fewer.
#if defined(WSSS_MULTIPLIES_BFLOAT16)
constexpr bool kTakesApart = false;
#else
constexpr bool kTakesApart = kGroup > 1;
#endif
constexpr std::int64_t kTilePixels = kStep == 16   ? (kTakesApart ? 12 : 14)
                                     : kStep == 8  ? (kTakesApart ? 4 : 6)
                                     : kTakesApart ? 2
                                                   : 3;
constexpr std::int64_t kTileRegisters = kStep == 4 ? 4 : 2;
constexpr std::int64_t kRowPixels = kStep == 16 ? 14 : 8;

/// What becomes of the sums of a pixel: shift, shortcut, bounds, and where they go.
template <std::int64_t kRegisters, typename Out>
WSSS_INLINE void finish(const Product<T, Out>& product, const Lanes* sums, std::int64_t pixel, std::int64_t channel) {
  const std::int64_t place = product.places == nullptr ? pixel * product.out_pixel : product.places[pixel];
#pragma GCC unroll 4
  for (std::int64_t r = 0; r < kRegisters; ++r) {
    const std::int64_t at = channel + r * kStep;
    Lanes value, term;
    load(value, product.shift + at);
    value += sums[r];
    if (product.shortcut != nullptr) {
      load(term, product.shortcut + pixel * product.shortcut_pixel + at);
      value += term;
    }
    clamp(value, Lanes{} + product.bounds.low, Lanes{} + product.bounds.high);
    store(product.out + place + at / kLanes * product.out_vector + at % kLanes, value);
  }
}

/// The products of kPixels pixels with kRegisters registers of outputs, from a channel on.
template <std::int64_t kPixels, std::int64_t kRegisters, typename Out>
WSSS_INLINE void multiply_tile(const Product<T, Out>& product, std::int64_t pixel, std::int64_t channel) {
  Lanes sums[kPixels][kRegisters]{};
  const T* weight = product.weight + channel * kGroup;
  const std::int64_t weight_step = product.vectors * kLanes * kGroup;
  const std::int64_t in_pixel = product.in_pixel;
  const T* from = product.in + pixel * in_pixel;
  for (std::int64_t first = 0; first < product.depth; first += kLanes) {
    const std::int64_t count = std::min(kLanes, product.depth - first);
    for (std::int64_t in = 0; in < count; in += kGroup) {
      Weights weights[kRegisters];
#pragma GCC unroll 4
      for (std::int64_t r = 0; r < kRegisters; ++r) weights[r] = weights_at(weight + r * kStep * kGroup);
#pragma GCC unroll 16
      for (std::int64_t p = 0; p < kPixels; ++p) {
        const Inputs inputs = inputs_at(from + p * in_pixel + in);
#pragma GCC unroll 4
        for (std::int64_t r = 0; r < kRegisters; ++r) add_product(sums[p][r], weights[r], inputs);
      }
      weight += weight_step;
    }
    from += product.in_vector;
  }
#pragma GCC unroll 16
  for (std::int64_t p = 0; p < kPixels; ++p) finish<kRegisters>(product, sums[p], pixel + p, channel);
}

template <std::int64_t kRegisters, typename Out>
void multiply_all(const Product<T, Out>& product, std::int64_t channel) {
  std::int64_t pixel = 0;
  for (; pixel + kTilePixels <= product.pixels; pixel += kTilePixels) {
    multiply_tile<kTilePixels, kRegisters>(product, pixel, channel);
  }
  if (pixel == product.pixels) return;
  if (product.pixels >= kTilePixels) {
    // Some pixels a second time, with the same result.
    multiply_tile<kTilePixels, kRegisters>(product, product.pixels - kTilePixels, channel);
    return;
  }
  for (; pixel < product.pixels; ++pixel) multiply_tile<1, kRegisters>(product, pixel, channel);
}

template <typename Out>
void multiply(const Product<T, Out>& product) {
  const std::int64_t channels = product.vectors * kLanes;
  std::int64_t channel = 0;
  for (; channel + kTileRegisters * kStep <= channels; channel += kTileRegisters * kStep) {
    multiply_all<kTileRegisters>(product, channel);
  }
  for (; channel < channels; channel += kStep) multiply_all<1>(product, channel);
}

/// kPixels neighbours of an output row, some of its channels.
template <std::int64_t kPixels, std::int64_t kKernel, std::int64_t kStride>
WSSS_INLINE void filter_pixels(const Filter<T>& filter, std::int64_t pixel, std::int64_t channel) {
  Lanes sums[kPixels];
  Lanes shift;
  load(shift, filter.shift + channel);
#pragma GCC unroll 16
  for (std::int64_t p = 0; p < kPixels; ++p) sums[p] = shift;
  const float* weight = filter.weight + channel;
  const float* row = filter.in + pixel * kStride * kLanes + channel;
  for (std::int64_t i = 0; i < kKernel; ++i) {
    const float* from = row;
#pragma GCC unroll 5
    for (std::int64_t j = 0; j < kKernel; ++j) {
      Lanes tap;
      load(tap, weight);
#pragma GCC unroll 16
      for (std::int64_t p = 0; p < kPixels; ++p) {
        Lanes value;
        load(value, from + p * kStride * kLanes);
        sums[p] += value * tap;
      }
      weight += kLanes;
      from += filter.dilation * kLanes;
    }
    row += filter.dilation * filter.in_row;
  }
  const Lanes lows = Lanes{} + filter.bounds.low;
  const Lanes highs = Lanes{} + filter.bounds.high;
  T* to = filter.out + pixel * kLanes + channel;
#pragma GCC unroll 16
  for (std::int64_t p = 0; p < kPixels; ++p) {
    clamp(sums[p], lows, highs);
    store(to + p * kLanes, sums[p]);
  }
}

template <std::int64_t kKernel, std::int64_t kStride>
void filter_row(const Filter<T>& filter) {
  for (std::int64_t channel = 0; channel < kLanes; channel += kStep) {
    std::int64_t pixel = 0;
    for (; pixel + kRowPixels <= filter.pixels; pixel += kRowPixels) {
      filter_pixels<kRowPixels, kKernel, kStride>(filter, pixel, channel);
    }
    if (pixel == filter.pixels) continue;
    if (filter.pixels >= kRowPixels) {
      // As in multiply_all().
      filter_pixels<kRowPixels, kKernel, kStride>(filter, filter.pixels - kRowPixels, channel);
      continue;
    }
    for (; pixel < filter.pixels; ++pixel) filter_pixels<1, kKernel, kStride>(filter, pixel, channel);
  }
}

constexpr Loops<T> loops{&multiply<float>,
                         &multiply<c10::BFloat16>,
                         {{&filter_row<3, 1>, &filter_row<3, 2>}, {&filter_row<5, 1>, &filter_row<5, 2>}}};
