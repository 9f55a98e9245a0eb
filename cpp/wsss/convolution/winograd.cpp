#include "wsss/convolution/winograd.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "wsss/convolution/pixels.h"
#include "wsss/convolution/winograd_tiles.h"

namespace wsss::winograd {

namespace {

/// [36, K, C] of `type`.
at::Tensor transformed(const at::Tensor& weight, bool turned, c10::ScalarType type) {
  const at::Tensor taps = weight.contiguous();
  at::Tensor values = at::empty({kPoints, weight.size(0), weight.size(1)}, taps.options().dtype(type));
  for_type_of(values, [&]<typename T>(T) {
    transform_weight(taps.const_data_ptr<float>(), weight.size(0), weight.size(1), turned, values.data_ptr<T>());
  });
  return values;
}

/// Tiles that are worked on together: enough rows for the matrix products, few enough to stay in the cache between
/// the transforms and the products.
std::int64_t tiles_together(std::int64_t channels, const at::Tensor& maps, std::int64_t least) {
  constexpr std::int64_t kBytesInCache = 8 << 20;
  return std::max(least, kBytesInCache / (kPoints * channels * maps.element_size()));
}

/// Calls work(begin, count) on all tiles of the maps, some together.
template <typename Work>
void for_tiles(std::int64_t tiles, std::int64_t together, Work work) {
  for (std::int64_t begin = 0; begin < tiles; begin += together) work(begin, std::min(together, tiles - begin));
}

/// The first `count` tiles of a buffer: [36, count, channels].
at::Tensor part_of(const at::Tensor& buffer, std::int64_t count, std::int64_t channels) {
  return buffer.narrow(0, 0, kPoints * count * channels).view({kPoints, count, channels});
}

/// sums = (first ? 0 : sums) + left * right, batch by batch.
void add_products(at::Tensor sums, const at::Tensor& left, const at::Tensor& right, bool first) {
  if (sums.scalar_type() == left.scalar_type()) {
    at::baddbmm_out(sums, sums, left, right, first ? 0.0 : 1.0);
  } else if (first) {
    sums.copy_(at::bmm(left, right));
  } else {
    sums.add_(at::bmm(left, right));
  }
}

/// `weights` [36, C, K], any strides, of the maps' type.
at::Tensor multiply_tiles(const at::Tensor& input, const at::Tensor& weights, std::int64_t dilation,
                          const After& after = {}) {
  const at::Tensor maps = channels_last(input);
  const at::Tensor shortcut =
      after.shortcut.defined() ? channels_last(after.shortcut).to(maps.scalar_type()) : at::Tensor();
  const std::int64_t in = weights.size(1);
  const std::int64_t out = weights.size(2);
  const TileGrid grid(maps.size(2), maps.size(3), dilation);
  const std::int64_t tiles = maps.size(0) * grid.per_image();
  const std::int64_t together = std::min(tiles, tiles_together(std::max(in, out), maps, /*least=*/192));
  at::Tensor result =
      at::empty({maps.size(0), out, maps.size(2), maps.size(3)}, maps.options(), at::MemoryFormat::ChannelsLast);
  const at::Tensor values = at::empty({kPoints * together * in}, maps.options());
  const at::Tensor products = at::empty({kPoints * together * out}, maps.options());
  for_type_of(maps, [&]<typename T>(T) {
    const Epilogue<T> epilogue{data_or_null<float>(after.scale), data_or_null<float>(after.shift),
                               data_or_null<T>(shortcut), bounds_of(after.activation)};
    for_tiles(tiles, together, [&](std::int64_t begin, std::int64_t count) {
      at::Tensor own_values = part_of(values, count, in);
      at::Tensor own_products = part_of(products, count, out);
      transform_input(maps.const_data_ptr<T>(), grid, in, begin, begin + count, own_values.data_ptr<T>());
      at::bmm_out(own_products, own_values, weights);
      transform_output(own_products.const_data_ptr<T>(), grid, out, begin, begin + count, epilogue,
                       result.data_ptr<T>());
    });
  });
  return result;
}

}  // namespace

bool takes(const at::Tensor& maps, const at::Tensor& weight) {
  return is_plain(maps) && weight.scalar_type() == at::kFloat && weight.size(2) == 3 && weight.size(3) == 3 &&
         weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0;
}

bool pays(const at::Tensor& maps, const at::Tensor& weight, std::int64_t dilation) {
  constexpr std::int64_t kFewestChannels = 64;
  constexpr std::int64_t kFewestTiles = 32;
  constexpr double kMostProducts = 0.5;  // Of those of the direct sum: beyond, the transforms cost what is saved.
  const double products = static_cast<double>(kPoints * TileGrid(maps.size(2), maps.size(3), dilation).per_image());
  const double direct = static_cast<double>(9 * maps.size(2) * maps.size(3));
  return std::min(weight.size(0), weight.size(1)) >= kFewestChannels && tile_count(maps, dilation) >= kFewestTiles &&
         products <= kMostProducts * direct;
}

std::int64_t tile_count(const at::Tensor& maps, std::int64_t dilation) {
  return maps.size(0) * TileGrid(maps.size(2), maps.size(3), dilation).per_image();
}

at::Tensor transformed_weight(const at::Tensor& weight, c10::ScalarType type) {
  return transformed(weight, /*turned=*/false, type);
}

at::Tensor convolve(const at::Tensor& maps, const at::Tensor& transformed_weight, std::int64_t dilation,
                    const After& after) {
  return multiply_tiles(maps, transformed_weight.transpose(1, 2), dilation, after);
}

at::Tensor input_gradient(const at::Tensor& gradient, const at::Tensor& weight, std::int64_t dilation) {
  return multiply_tiles(gradient, transformed(weight, /*turned=*/true, gradient.scalar_type()), dilation);
}

at::Tensor weight_gradient(const at::Tensor& input, const at::Tensor& output_gradient, std::int64_t dilation) {
  const at::Tensor maps = channels_last(input);
  const at::Tensor gradient = channels_last(output_gradient);
  const std::int64_t in = maps.size(1);
  const std::int64_t out = gradient.size(1);
  const TileGrid grid(maps.size(2), maps.size(3), dilation);
  const std::int64_t tiles = maps.size(0) * grid.per_image();
  // Each part adds to all sums.
  const std::int64_t together = std::min(tiles, tiles_together(std::max(in, out), maps, /*least=*/512));
  const at::Tensor values = at::empty({kPoints * together * in}, maps.options());
  const at::Tensor gradients = at::empty({kPoints * together * out}, maps.options());
  const at::Tensor sums =
      at::empty({kPoints, out, in}, maps.options().dtype(together < tiles ? at::kFloat : maps.scalar_type()));
  at::Tensor result = at::empty({out, in, 3, 3}, maps.options().dtype(at::kFloat));
  for_type_of(maps, [&]<typename T>(T) {
    for_tiles(tiles, together, [&](std::int64_t begin, std::int64_t count) {
      at::Tensor own_values = part_of(values, count, in);
      at::Tensor own_gradients = part_of(gradients, count, out);
      transform_input(maps.const_data_ptr<T>(), grid, in, begin, begin + count, own_values.data_ptr<T>());
      transform_output_gradient(gradient.const_data_ptr<T>(), grid, out, begin, begin + count,
                                own_gradients.data_ptr<T>());
      add_products(sums, own_gradients.transpose(1, 2), own_values, /*first=*/begin == 0);
    });
  });
  for_type_of(sums, [&]<typename T>(T) {
    transform_weight_gradient(sums.const_data_ptr<T>(), out, in, result.data_ptr<float>());
  });
  return result;
}

}  // namespace wsss::winograd
