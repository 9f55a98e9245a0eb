#include "wsss/convolution/winograd_tiles.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "wsss/convolution/instruction_set.h"
#include "wsss/convolution/stored.h"

namespace wsss::winograd {

namespace {

/// Parts of the transforms: tiles, or output channels of weights, `begin` to `end`.
template <typename T>
struct Loops {
  using Tiles = void (*)(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t first,
                         std::int64_t begin, std::int64_t end, std::int64_t point_stride, T* values);
  Tiles input;
  void (*output)(const T* products, const TileGrid& grid, std::int64_t channels, std::int64_t first, std::int64_t begin,
                 std::int64_t end, std::int64_t point_stride, const Epilogue<T>& epilogue, T* maps);
  Tiles output_gradient;
  void (*weights)(const float* weight, std::int64_t out, std::int64_t in, bool turned, std::int64_t begin,
                  std::int64_t end, T* values);
  void (*weight_gradients)(const T* sums, std::int64_t out, std::int64_t in, std::int64_t begin, std::int64_t end,
                           float* weight);
};

#define WSSS_LOOPS "wsss/convolution/winograd_loops.h"
#include "wsss/convolution/each_processor.h"

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

template <typename T>
void transform_input(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin, std::int64_t end,
                     T* values) {
  const Loops<T>& loops = best_loops(T());
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    loops.input(maps, grid, channels, begin, from, to, point_stride, values);
  });
}

template <typename T>
void transform_output(const T* products, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                      std::int64_t end, const Epilogue<T>& epilogue, T* maps) {
  const Loops<T>& loops = best_loops(T());
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    loops.output(products, grid, channels, begin, from, to, point_stride, epilogue, maps);
  });
}

template <typename T>
void transform_output_gradient(const T* maps, const TileGrid& grid, std::int64_t channels, std::int64_t begin,
                               std::int64_t end, T* values) {
  const Loops<T>& loops = best_loops(T());
  const std::int64_t point_stride = (end - begin) * channels;
  share(begin, end, [&](std::int64_t from, std::int64_t to) {
    loops.output_gradient(maps, grid, channels, begin, from, to, point_stride, values);
  });
}

template <typename T>
void transform_weight(const float* weight, std::int64_t out, std::int64_t in, bool turned, T* values) {
  const Loops<T>& loops = best_loops(T());
  share(0, out, [&](std::int64_t from, std::int64_t to) { loops.weights(weight, out, in, turned, from, to, values); });
}

template <typename T>
void transform_weight_gradient(const T* sums, std::int64_t out, std::int64_t in, float* weight) {
  const Loops<T>& loops = best_loops(T());
  share(0, out, [&](std::int64_t from, std::int64_t to) { loops.weight_gradients(sums, out, in, from, to, weight); });
}

#define WSSS_INSTANTIATE(T)                                                                                         \
  template void transform_input(const T*, const TileGrid&, std::int64_t, std::int64_t, std::int64_t, T*);           \
  template void transform_output(const T*, const TileGrid&, std::int64_t, std::int64_t, std::int64_t,               \
                                 const Epilogue<T>&, T*);                                                           \
  template void transform_output_gradient(const T*, const TileGrid&, std::int64_t, std::int64_t, std::int64_t, T*); \
  template void transform_weight(const float*, std::int64_t, std::int64_t, bool, T*);                               \
  template void transform_weight_gradient(const T*, std::int64_t, std::int64_t, float*);

WSSS_INSTANTIATE(float)
WSSS_INSTANTIATE(c10::BFloat16)
#undef WSSS_INSTANTIATE

}  // namespace wsss::winograd
