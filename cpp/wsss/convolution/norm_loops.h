// The loops of norm_training.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

using DoubleLanes = double __attribute__((vector_size(kLanes * sizeof(double))));

/// Pixels whose channels stay in the cache while some channels of all of them are summed.
constexpr std::int64_t kPixelsInCache = 64;

/// Sums of x and of its square.
void sum_pixels(const T* x, std::int64_t channels, std::int64_t begin, std::int64_t end, double* sum, double* squares) {
  for (std::int64_t first = begin; first < end; first += kPixelsInCache) {
    const std::int64_t last = std::min(first + kPixelsInCache, end);
    std::int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      DoubleLanes sum_here{}, squares_here{};
      for (std::int64_t at = first * channels + c; at < last * channels; at += channels) {
        Lanes in;
        load(in, x + at);
        const DoubleLanes wide = __builtin_convertvector(in, DoubleLanes);
        sum_here += wide;
        squares_here += wide * wide;
      }
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        sum[c + lane] += sum_here[lane];
        squares[c + lane] += squares_here[lane];
      }
    }
    for (; c < channels; ++c) {
      for (std::int64_t at = first * channels + c; at < last * channels; at += channels) {
        const double value = value_of(x[at]);
        sum[c] += value;
        squares[c] += value * value;
      }
    }
  }
}

/// Sums of the gradient that passes the activation, and of it times x.
void sum_gradients(const T* gradient, const T* y, const T* x, const Bounds& bounds, std::int64_t channels,
                   std::int64_t begin, std::int64_t end, double* sum, double* products) {
  const float low = bounds.low;
  const float high = bounds.high;
  const Lanes lows = Lanes{} + low;
  const Lanes highs = Lanes{} + high;
  for (std::int64_t first = begin; first < end; first += kPixelsInCache) {
    const std::int64_t last = std::min(first + kPixelsInCache, end);
    std::int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      DoubleLanes sum_here{}, products_here{};
      for (std::int64_t at = first * channels + c; at < last * channels; at += channels) {
        Lanes through, out, in;
        load(through, gradient + at);
        load(out, y + at);
        load(in, x + at);
        pass(through, out, lows, highs);
        const DoubleLanes wide = __builtin_convertvector(through, DoubleLanes);
        sum_here += wide;
        products_here += wide * __builtin_convertvector(in, DoubleLanes);
      }
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        sum[c + lane] += sum_here[lane];
        products[c + lane] += products_here[lane];
      }
    }
    for (; c < channels; ++c) {
      for (std::int64_t at = first * channels + c; at < last * channels; at += channels) {
        const double through = passed(value_of(gradient[at]), value_of(y[at]), low, high);
        sum[c] += through;
        products[c] += through * value_of(x[at]);
      }
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
    for (; c + kLanes <= channels; c += kLanes) {
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
