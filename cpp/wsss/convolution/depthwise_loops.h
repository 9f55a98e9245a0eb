// The loops of depthwise.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

/// kPixels pixels of a written row, which are run.write_step apart and read what is run.read_step apart.
template <std::int64_t kPixels>
WSSS_INLINE void gather_pixels(const Gathering<T>& row, const Run& run) {
  const std::int64_t channels = row.channels;
  T* out = row.out + run.column * channels;
  const std::int64_t write_step = run.write_step * channels, read_step = run.read_step * channels;
  std::int64_t c = 0;
  for (; c + kStep <= channels; c += kStep) {
    Lanes sums[kPixels]{};
    for (const RowRead<T>& read : *row.rows) {
      for (const Tap& tap : run.taps) {
        Lanes weight;
        load(weight, row.weight + (read.tap * row.kernel + tap.tap) * channels + c);
        const T* from = read.row + tap.column * channels + c;
#pragma GCC unroll 4
        for (std::int64_t p = 0; p < kPixels; ++p) {
          Lanes value;
          load(value, from + p * read_step);
          sums[p] += value * weight;
        }
      }
    }
#pragma GCC unroll 4
    for (std::int64_t p = 0; p < kPixels; ++p) store(out + p * write_step + c, sums[p]);
  }
  for (; c < channels; ++c) {
    for (std::int64_t p = 0; p < kPixels; ++p) {
      float sum = 0.0F;
      for (const RowRead<T>& read : *row.rows) {
        for (const Tap& tap : run.taps) {
          sum += value_of(read.row[tap.column * channels + p * read_step + c]) *
                 row.weight[(read.tap * row.kernel + tap.tap) * channels + c];
        }
      }
      store_value(out + p * write_step + c, sum);
    }
  }
}

void gather(const Gathering<T>& row, const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.pixels == kPixelsOfARun) {
      gather_pixels<kPixelsOfARun>(row, run);
    } else {
      gather_pixels<1>(row, run);
    }
  }
}

/// Adds to `sums`, [kKernel][channels], what a row of the kernel gets from a row of gradients and one of the map.
template <std::int64_t kKernel>
void add_weight_row(const WeightRow<T>& row, float* sums) {
  // Two pixels at once, since a sum has to wait for itself.
  constexpr std::int64_t kAtOnce = 2;
  const std::int64_t channels = row.channels;
  const auto column = [&](std::int64_t x, std::int64_t j) { return x * row.stride + j * row.dilation - row.padding; };
  std::int64_t c = 0;
  for (; c + kStep <= channels; c += kStep) {
    Lanes added[kAtOnce][kKernel]{};
    const auto add_edge = [&](std::int64_t x) {
      Lanes gradient;
      load(gradient, row.gradient + x * channels + c);
      for (std::int64_t j = 0; j < kKernel; ++j) {
        if (column(x, j) < 0 || column(x, j) >= row.width) continue;
        Lanes value;
        load(value, row.x + column(x, j) * channels + c);
        added[0][j] += gradient * value;
      }
    };
    for (std::int64_t x = 0; x < row.inner_begin; ++x) add_edge(x);
    std::int64_t x = row.inner_begin;
    for (; x + kAtOnce <= row.inner_end; x += kAtOnce) {
#pragma GCC unroll 2
      for (std::int64_t p = 0; p < kAtOnce; ++p) {
        Lanes gradient;
        load(gradient, row.gradient + (x + p) * channels + c);
#pragma GCC unroll 5
        for (std::int64_t j = 0; j < kKernel; ++j) {
          Lanes value;
          load(value, row.x + column(x + p, j) * channels + c);
          added[p][j] += gradient * value;
        }
      }
    }
    for (; x < row.out_width; ++x) add_edge(x);
    for (std::int64_t j = 0; j < kKernel; ++j) {
      Lanes sum;
      load(sum, sums + j * channels + c);
      store(sums + j * channels + c, sum + added[0][j] + added[1][j]);
    }
  }
  for (; c < channels; ++c) {
    for (std::int64_t x = 0; x < row.out_width; ++x) {
      for (std::int64_t j = 0; j < kKernel; ++j) {
        if (column(x, j) < 0 || column(x, j) >= row.width) continue;
        sums[j * channels + c] +=
            value_of(row.gradient[x * channels + c]) * value_of(row.x[column(x, j) * channels + c]);
      }
    }
  }
}

constexpr Loops<T> loops{&gather, {&add_weight_row<3>, &add_weight_row<5>}};
