#include "wsss/convolution/winograd_tiles.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "wsss/convolution/processors.h"

#define WSSS_INLINE inline __attribute__((always_inline))

namespace wsss::winograd {

namespace {

/// Channels that lie side by side: the compiler's own vectors, of as many registers as the processor needs.
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

WSSS_INLINE void load(Lanes& lanes, const float* from) { std::memcpy(&lanes, from, sizeof lanes); }
WSSS_INLINE void store(float* to, const Lanes& lanes) { std::memcpy(to, &lanes, sizeof lanes); }

/// B^T d, d of six values, `step` apart.
WSSS_INLINE void input_line(Lanes* d, std::int64_t step) {
  Lanes &d0 = d[0], &d1 = d[step], &d2 = d[2 * step], &d3 = d[3 * step], &d4 = d[4 * step], &d5 = d[5 * step];
  const Lanes even = d4 - 4.0F * d2;
  const Lanes odd = d3 - 4.0F * d1;
  const Lanes even_2 = d4 - d2;
  const Lanes odd_2 = 2.0F * (d3 - d1);
  const Lanes first = 4.0F * d0 - 5.0F * d2 + d4;
  const Lanes last = 4.0F * d1 - 5.0F * d3 + d5;
  d0 = first;
  d1 = even + odd;
  d2 = even - odd;
  d3 = even_2 + odd_2;
  d4 = even_2 - odd_2;
  d5 = last;
}

/// A^T m: six values, `step` apart, become the first four.
WSSS_INLINE void output_line(Lanes* m, std::int64_t step) {
  Lanes &m0 = m[0], &m1 = m[step], &m2 = m[2 * step], &m3 = m[3 * step], &m4 = m[4 * step], &m5 = m[5 * step];
  const Lanes sum_1 = m1 + m2;
  const Lanes difference_1 = m1 - m2;
  const Lanes sum_2 = m3 + m4;
  const Lanes difference_2 = m3 - m4;
  m0 = m0 + sum_1 + sum_2;
  m1 = difference_1 + 2.0F * difference_2;
  m2 = sum_1 + 4.0F * sum_2;
  m3 = difference_1 + 8.0F * difference_2 + m5;
}

/// A g: the first four of six values, `step` apart, become six.
WSSS_INLINE void output_gradient_line(Lanes* g, std::int64_t step) {
  Lanes &g0 = g[0], &g1 = g[step], &g2 = g[2 * step], &g3 = g[3 * step], &g4 = g[4 * step], &g5 = g[5 * step];
  const Lanes even_1 = g0 + g2;
  const Lanes odd_1 = g1 + g3;
  const Lanes even_2 = g0 + 4.0F * g2;
  const Lanes odd_2 = 2.0F * g1 + 8.0F * g3;
  g5 = g3;
  g1 = even_1 + odd_1;
  g2 = even_1 - odd_1;
  g3 = even_2 + odd_2;
  g4 = even_2 - odd_2;
}

/// The epilogue of some channels of a position. NaN stays NaN.
WSSS_INLINE void finish(Lanes& value, const Epilogue& epilogue, std::int64_t position, std::int64_t channel) {
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
  const Lanes low = Lanes{} + epilogue.bounds.low;
  const Lanes high = Lanes{} + epilogue.bounds.high;
  value = value < low ? low : value;
  value = value > high ? high : value;
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

/// Offsets of the values of a square of `size` positions of a map from (row, col) on; -1 outside the map.
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

WSSS_FOR_EACH_PROCESSOR
void input_tiles(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t first, std::int64_t begin,
                 std::int64_t end, std::int64_t point_stride, float* values) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kInputTile> window(grid, channels, place.image, place.row - grid.dilation, place.col - grid.dilation);
    float* out = values + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kLanes) {
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

WSSS_FOR_EACH_PROCESSOR
void output_tiles(const float* products, const TileGrid& grid, std::int64_t channels, std::int64_t first,
                  std::int64_t begin, std::int64_t end, std::int64_t point_stride, const Epilogue& epilogue,
                  float* maps) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kOutputTile> window(grid, channels, place.image, place.row, place.col);
    const float* in = products + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kLanes) {
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

WSSS_FOR_EACH_PROCESSOR
void output_gradient_tiles(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t first,
                           std::int64_t begin, std::int64_t end, std::int64_t point_stride, float* values) {
  for (std::int64_t tile = begin; tile < end; ++tile) {
    const Place place = place_of(grid, tile);
    const Window<kOutputTile> window(grid, channels, place.image, place.row, place.col);
    float* out = values + (tile - first) * channels;
    for (std::int64_t c = 0; c < channels; c += kLanes) {
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

std::int64_t quotient_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step; }

/// Calls work(begin, end) on parts of the tiles, on all threads.
template <typename Work>
void share(std::int64_t begin, std::int64_t end, Work work) {
  constexpr std::int64_t kGrain = 8;
  at::parallel_for(begin, end, kGrain, work);
}

}  // namespace

TileGrid::TileGrid(std::int64_t map_height, std::int64_t map_width, std::int64_t map_dilation)
    : height(map_height),
      width(map_width),
      dilation(map_dilation),
      phases_down(std::min(dilation, height)),
      phases_across(std::min(dilation, width)),
      tiles_down(quotient_up(quotient_up(height, dilation), kOutputTile)),
      tiles_across(quotient_up(quotient_up(width, dilation), kOutputTile)) {}

void transform_input(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                     std::int64_t end, float* values) {
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    input_tiles(maps, grid, channels, begin, from, to, point_stride, values);
  });
}

void transform_output(const float* products, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                      std::int64_t end, const Epilogue& epilogue, float* maps) {
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    output_tiles(products, grid, channels, begin, from, to, point_stride, epilogue, maps);
  });
}

void transform_output_gradient(const float* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                               std::int64_t end, float* values) {
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    output_gradient_tiles(maps, grid, channels, begin, from, to, point_stride, values);
  });
}

}  // namespace wsss::winograd
