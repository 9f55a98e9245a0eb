// The loops of winograd_tiles.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

// The points that polynomials are evaluated at: 0, +-kA, +-kB, infinity.
constexpr float kA = 2.0F / 3.0F;
constexpr float kB = 3.0F / 2.0F;
constexpr float kA2 = kA * kA;
constexpr float kB2 = kB * kB;
// What Lagrange's interpolation divides by at +-kA and +-kB.
constexpr float kOfA = 1.0F / (2.0F * kA2 * (kA2 - kB2));
constexpr float kOfB = 1.0F / (2.0F * kB2 * (kB2 - kA2));

/// B^T d, d of six values, `step` apart.
WSSS_INLINE void input_line(Lanes* d, std::int64_t step) {
  Lanes &d0 = d[0], &d1 = d[step], &d2 = d[2 * step], &d3 = d[3 * step], &d4 = d[4 * step], &d5 = d[5 * step];
  const Lanes even_a = d4 - kB2 * d2;
  const Lanes odd_a = kA * (d3 - kB2 * d1);
  const Lanes even_b = d4 - kA2 * d2;
  const Lanes odd_b = kB * (d3 - kA2 * d1);
  // kA * kB is 1.
  const Lanes first = d0 - (kA2 + kB2) * d2 + d4;
  const Lanes last = d1 - (kA2 + kB2) * d3 + d5;
  d0 = first;
  d1 = even_a + odd_a;
  d2 = even_a - odd_a;
  d3 = even_b + odd_b;
  d4 = even_b - odd_b;
  d5 = last;
}

/// A^T m: six values, `step` apart, become the first four.
WSSS_INLINE void output_line(Lanes* m, std::int64_t step) {
  Lanes &m0 = m[0], &m1 = m[step], &m2 = m[2 * step], &m3 = m[3 * step], &m4 = m[4 * step], &m5 = m[5 * step];
  const Lanes sum_a = m1 + m2;
  const Lanes difference_a = kA * (m1 - m2);
  const Lanes sum_b = m3 + m4;
  const Lanes difference_b = kB * (m3 - m4);
  m0 = m0 + sum_a + sum_b;
  m1 = difference_a + difference_b;
  m2 = kA2 * sum_a + kB2 * sum_b;
  m3 = kA2 * difference_a + kB2 * difference_b + m5;
}

/// A g: the first four of six values, `step` apart, become six.
WSSS_INLINE void output_gradient_line(Lanes* g, std::int64_t step) {
  Lanes &g0 = g[0], &g1 = g[step], &g2 = g[2 * step], &g3 = g[3 * step], &g4 = g[4 * step], &g5 = g[5 * step];
  const Lanes even_a = g0 + kA2 * g2;
  const Lanes odd_a = kA * (g1 + kA2 * g3);
  const Lanes even_b = g0 + kB2 * g2;
  const Lanes odd_b = kB * (g1 + kB2 * g3);
  g5 = g3;
  g1 = even_a + odd_a;
  g2 = even_a - odd_a;
  g3 = even_b + odd_b;
  g4 = even_b - odd_b;
}

/// G w: the first three of six values, `step` apart, become six.
WSSS_INLINE void weight_line(Lanes* w, std::int64_t step) {
  Lanes &w0 = w[0], &w1 = w[step], &w2 = w[2 * step], &w3 = w[3 * step], &w4 = w[4 * step], &w5 = w[5 * step];
  const Lanes even_a = kOfA * (w0 + kA2 * w2);
  const Lanes odd_a = (kOfA * kA) * w1;
  const Lanes even_b = kOfB * (w0 + kB2 * w2);
  const Lanes odd_b = (kOfB * kB) * w1;
  w5 = w2;
  w1 = even_a + odd_a;
  w2 = even_a - odd_a;
  w3 = even_b + odd_b;
  w4 = even_b - odd_b;
}

/// G^T v: six values, `step` apart, become the first three.
WSSS_INLINE void weight_gradient_line(Lanes* v, std::int64_t step) {
  Lanes &v0 = v[0], &v1 = v[step], &v2 = v[2 * step], &v3 = v[3 * step], &v4 = v[4 * step], &v5 = v[5 * step];
  const Lanes sum_a = kOfA * (v1 + v2);
  const Lanes sum_b = kOfB * (v3 + v4);
  const Lanes odd = (kOfA * kA) * (v1 - v2) + (kOfB * kB) * (v3 - v4);
  v0 = v0 + sum_a + sum_b;
  v1 = odd;
  v2 = kA2 * sum_a + kB2 * sum_b + v5;
}

/// The epilogue of some channels of a position. NaN stays NaN.
WSSS_INLINE void finish(Lanes& value, const Epilogue<T>& epilogue, std::int64_t position, std::int64_t channel) {
  Lanes term;
  if (epilogue.scale != nullptr) {
    load(term, epilogue.scale + channel);
    value *= term;
    load(term, epilogue.shift + channel);
    value += term;
  }
  if (epilogue.shortcut != nullptr) {
    load(term, epilogue.shortcut + position + channel);
    value += term;
  }
  clamp(value, Lanes{} + epilogue.bounds.low, Lanes{} + epilogue.bounds.high);
}

/// Where a tile lies: first output row and column of its map, and the map.
struct Place {
  std::int64_t image, row, col;
};

Place place_of(const TileGrid& grid, std::int64_t tile) {
  const std::int64_t across = tile % grid.tiles_across;
  tile /= grid.tiles_across;
  const std::int64_t down = tile % grid.tiles_down;
  tile /= grid.tiles_down;
  const std::int64_t phase_across = tile % grid.phases_across;
  tile /= grid.phases_across;
  const std::int64_t phase_down = tile % grid.phases_down;
  return {tile / grid.phases_down, phase_down + grid.dilation * kOutputTile * down,
          phase_across + grid.dilation * kOutputTile * across};
}

/// Offsets of the values in a square of kSize x kSize positions of a map, from (row, col) on; -1 outside the map.
template <std::int64_t kSize>
struct Window {
  std::int64_t offsets[kSize][kSize];

  Window(const TileGrid& grid, std::int64_t channels, std::int64_t image, std::int64_t row, std::int64_t col) {
    for (std::int64_t i = 0; i < kSize; ++i) {
      const std::int64_t r = row + i * grid.dilation;
      for (std::int64_t j = 0; j < kSize; ++j) {
        const std::int64_t c = col + j * grid.dilation;
        const bool inside = r >= 0 && r < grid.height && c >= 0 && c < grid.width;
        offsets[i][j] = inside ? ((image * grid.height + r) * grid.width + c) * channels : -1;
      }
    }
  }
};

void input_tiles(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t first, std::int64_t begin,
                 std::int64_t end, std::int64_t point_stride, T* values) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kInputTile> window(grid, channels, place.image, place.row - grid.dilation, place.col - grid.dilation);
    T* out = values + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kStep) {
      Lanes d[kPoints];
      for (std::int64_t i = 0; i < kInputTile; ++i) {
        for (std::int64_t j = 0; j < kInputTile; ++j) {
          const std::int64_t offset = window.offsets[i][j];
          if (offset < 0) {
            d[i * kInputTile + j] = Lanes{};
          } else {
            load(d[i * kInputTile + j], maps + offset + c);
          }
        }
        input_line(d + i * kInputTile, 1);
      }
      for (std::int64_t j = 0; j < kInputTile; ++j) input_line(d + j, kInputTile);
      for (std::int64_t point = 0; point < kPoints; ++point) store(out + point * point_stride + c, d[point]);
    }
  }
}

void output_tiles(const T* products, const TileGrid& grid, std::int64_t channels, std::int64_t first,
                  std::int64_t begin, std::int64_t end, std::int64_t point_stride, const Epilogue<T>& epilogue,
                  T* maps) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kOutputTile> window(grid, channels, place.image, place.row, place.col);
    const T* in = products + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kStep) {
      Lanes m[kPoints];
      for (std::int64_t i = 0; i < kInputTile; ++i) {
        for (std::int64_t j = 0; j < kInputTile; ++j) {
          const std::int64_t point = i * kInputTile + j;
          load(m[point], in + point * point_stride + c);
        }
        output_line(m + i * kInputTile, 1);
      }
      for (std::int64_t j = 0; j < kOutputTile; ++j) {
        output_line(m + j, kInputTile);
        for (std::int64_t i = 0; i < kOutputTile; ++i) {
          const std::int64_t offset = window.offsets[i][j];
          if (offset < 0) continue;
          finish(m[i * kInputTile + j], epilogue, offset, c);
          store(maps + offset + c, m[i * kInputTile + j]);
        }
      }
    }
  }
}

void output_gradient_tiles(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t first,
                           std::int64_t begin, std::int64_t end, std::int64_t point_stride, T* values) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kOutputTile> window(grid, channels, place.image, place.row, place.col);
    T* out = values + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kStep) {
      Lanes g[kPoints];
      for (std::int64_t i = 0; i < kOutputTile; ++i) {
        for (std::int64_t j = 0; j < kOutputTile; ++j) {
          const std::int64_t offset = window.offsets[i][j];
          if (offset < 0) {
            g[i * kInputTile + j] = Lanes{};
          } else {
            load(g[i * kInputTile + j], maps + offset + c);
          }
        }
        output_gradient_line(g + i * kInputTile, 1);
      }
      for (std::int64_t j = 0; j < kInputTile; ++j) output_gradient_line(g + j, kInputTile);
      for (std::int64_t point = 0; point < kPoints; ++point) store(out + point * point_stride + c, g[point]);
    }
  }
}

/// Kernels of kStep neighbouring input channels for one output channel; rows of taps are kInputTile apart.
WSSS_INLINE void load_kernels(Lanes* w, const float* weight, bool turned) {
  for (std::int64_t tap = 0; tap < kTaps; ++tap) {
    const float* from = weight + (turned ? kTaps - 1 - tap : tap);
    Lanes& lanes = w[tap / 3 * kInputTile + tap % 3];
    for (std::int64_t lane = 0; lane < kStep; ++lane) lanes[lane] = from[lane * kTaps];
  }
}

void weights_of(const float* weight, std::int64_t out, std::int64_t in, bool turned, std::int64_t begin,
                std::int64_t end, T* values) {
  for (std::int64_t k = begin; k < end; ++k) {
    for (std::int64_t c = 0; c < in; c += kStep) {
      Lanes w[kPoints];
      load_kernels(w, weight + (k * in + c) * kTaps, turned);
      for (std::int64_t i = 0; i < 3; ++i) weight_line(w + i * kInputTile, 1);
      for (std::int64_t j = 0; j < kInputTile; ++j) weight_line(w + j, kInputTile);
      for (std::int64_t point = 0; point < kPoints; ++point) store(values + (point * out + k) * in + c, w[point]);
    }
  }
}

void weight_gradients_of(const T* sums, std::int64_t out, std::int64_t in, std::int64_t begin, std::int64_t end,
                         float* weight) {
  for (std::int64_t k = begin; k < end; ++k) {
    for (std::int64_t c = 0; c < in; c += kStep) {
      Lanes v[kPoints];
      for (std::int64_t point = 0; point < kPoints; ++point) load(v[point], sums + (point * out + k) * in + c);
      for (std::int64_t i = 0; i < kInputTile; ++i) weight_gradient_line(v + i * kInputTile, 1);
      for (std::int64_t j = 0; j < 3; ++j) weight_gradient_line(v + j, kInputTile);
      float* to = weight + (k * in + c) * kTaps;
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        const Lanes& lanes = v[tap / 3 * kInputTile + tap % 3];
        for (std::int64_t lane = 0; lane < kStep; ++lane) to[lane * kTaps + tap] = lanes[lane];
      }
    }
  }
}

constexpr Loops<T> loops{&input_tiles, &output_tiles, &output_gradient_tiles, &weights_of, &weight_gradients_of};
