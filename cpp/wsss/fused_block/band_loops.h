// The loops of band_work.cpp, compiled by each_processor.h: products of pixels with 1x1 weights, and depthwise filters.

#include "wsss/convolution/lanes.h"

// As many sums at once as there are registers, but for those of the weights and of the pixel that is multiplied: 28 of
// 32, or 12 of 16.
constexpr std::int64_t kTilePixels = kStep == 16 ? 14 : kStep == 8 ? 6 : 3;
constexpr std::int64_t kTileRegisters = kStep == 4 ? 4 : 2;
constexpr std::int64_t kRowPixels = kStep == 16 ? 14 : 8;

/// What becomes of the sums of a pixel: shift, shortcut, bounds, and where they go.
template <std::int64_t kRegisters>
WSSS_INLINE void finish(const Product& product, const Lanes* sums, std::int64_t pixel, std::int64_t channel) {
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
template <std::int64_t kPixels, std::int64_t kRegisters>
WSSS_INLINE void multiply_tile(const Product& product, std::int64_t pixel, std::int64_t channel) {
  Lanes sums[kPixels][kRegisters]{};
  const float* weight = product.weight + channel;
  const std::int64_t weight_step = product.vectors * kLanes;
  const std::int64_t in_pixel = product.in_pixel;
  const float* from = product.in + pixel * in_pixel;
  for (std::int64_t first = 0; first < product.depth; first += kLanes) {
    const std::int64_t count = std::min(kLanes, product.depth - first);
    for (std::int64_t in = 0; in < count; ++in) {
      Lanes weights[kRegisters];
#pragma GCC unroll 4
      for (std::int64_t r = 0; r < kRegisters; ++r) load(weights[r], weight + r * kStep);
#pragma GCC unroll 16
      for (std::int64_t p = 0; p < kPixels; ++p) {
        const float value = from[p * in_pixel + in];
#pragma GCC unroll 4
        for (std::int64_t r = 0; r < kRegisters; ++r) sums[p][r] += weights[r] * value;
      }
      weight += weight_step;
    }
    from += product.in_vector;
  }
#pragma GCC unroll 16
  for (std::int64_t p = 0; p < kPixels; ++p) finish<kRegisters>(product, sums[p], pixel + p, channel);
}

template <std::int64_t kRegisters>
void multiply_pixels(const Product& product, std::int64_t channel) {
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

void multiply(const Product& product) {
  const std::int64_t channels = product.vectors * kLanes;
  std::int64_t channel = 0;
  for (; channel + kTileRegisters * kStep <= channels; channel += kTileRegisters * kStep) {
    multiply_pixels<kTileRegisters>(product, channel);
  }
  for (; channel < channels; channel += kStep) multiply_pixels<1>(product, channel);
}

/// kPixels neighbours of an output row, some of its channels.
template <std::int64_t kPixels, std::int64_t kKernel, std::int64_t kStride>
WSSS_INLINE void filter_pixels(const Filter& filter, std::int64_t pixel, std::int64_t channel) {
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
  float* to = filter.out + pixel * kLanes + channel;
#pragma GCC unroll 16
  for (std::int64_t p = 0; p < kPixels; ++p) {
    clamp(sums[p], lows, highs);
    store(to + p * kLanes, sums[p]);
  }
}

template <std::int64_t kKernel, std::int64_t kStride>
void filter_row(const Filter& filter) {
  for (std::int64_t channel = 0; channel < kLanes; channel += kStep) {
    std::int64_t pixel = 0;
    for (; pixel + kRowPixels <= filter.pixels; pixel += kRowPixels) {
      filter_pixels<kRowPixels, kKernel, kStride>(filter, pixel, channel);
    }
    if (pixel == filter.pixels) continue;
    if (filter.pixels >= kRowPixels) {
      // As in multiply_pixels().
      filter_pixels<kRowPixels, kKernel, kStride>(filter, filter.pixels - kRowPixels, channel);
      continue;
    }
    for (; pixel < filter.pixels; ++pixel) filter_pixels<1, kKernel, kStride>(filter, pixel, channel);
  }
}

constexpr Loops<T> loops{&multiply, {{&filter_row<3, 1>, &filter_row<3, 2>}, {&filter_row<5, 1>, &filter_row<5, 2>}}};
