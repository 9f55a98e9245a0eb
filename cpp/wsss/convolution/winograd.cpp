#include "wsss/convolution/winograd.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "wsss/convolution/pixels.h"
#include "wsss/convolution/winograd_tiles.h"

namespace wsss::winograd {

namespace {

constexpr std::array<float, 18> kG{1.0F / 4,  0.0F,       0.0F,      -1.0F / 6, -1.0F / 6, -1.0F / 6,
                                   -1.0F / 6, 1.0F / 6,   -1.0F / 6, 1.0F / 24, 1.0F / 12, 1.0F / 6,
                                   1.0F / 24, -1.0F / 12, 1.0F / 6,  0.0F,      0.0F,      1.0F};

/// G (x) G: the nine taps of a kernel, row by row -> its 36 points. [36, 9]
const at::Tensor& kernel_transform() {
  static const at::Tensor transform = [] {
    const at::Tensor g = at::tensor(at::ArrayRef<float>(kG)).view({kInputTile, 3});
    return at::kron(g, g).contiguous();
  }();
  return transform;
}

/// The same of the kernel turned by half a circle.
const at::Tensor& turned_kernel_transform() {
  static const at::Tensor transform = kernel_transform().flip(1).contiguous();
  return transform;
}

at::Tensor transformed(const at::Tensor& weight, const at::Tensor& transform) {
  return at::mm(transform, weight.contiguous().view({-1, 9}).t()).view({kPoints, weight.size(0), weight.size(1)});
}

/// Tiles that are worked on together: enough rows for the matrix products, few enough to stay in the cache between
/// the transforms and the products.
std::int64_t tiles_together(std::int64_t channels) {
  constexpr std::int64_t kFloatsInCache = 2 << 20;
  constexpr std::int64_t kLeast = 192;
  return std::max(kLeast, kFloatsInCache / (kPoints * channels));
}

/// `weights` [36, C, K], any strides.
at::Tensor multiply_tiles(const at::Tensor& input, const at::Tensor& weights, std::int64_t dilation,
                          const After& after = {}) {
  const at::Tensor maps = channels_last(input);
  const at::Tensor shortcut = after.shortcut.defined() ? channels_last(after.shortcut) : at::Tensor();
  const auto values_of = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
  };
  const Epilogue epilogue{values_of(after.scale), values_of(after.shift), values_of(shortcut),
                          bounds_of(after.activation)};
  const std::int64_t in = weights.size(1);
  const std::int64_t out = weights.size(2);
  const TileGrid grid(maps.size(2), maps.size(3), dilation);
  const std::int64_t tiles = maps.size(0) * grid.per_image();
  const std::int64_t together = std::min(tiles, tiles_together(std::max(in, out)));
  at::Tensor result =
      at::empty({maps.size(0), out, maps.size(2), maps.size(3)}, maps.options(), at::MemoryFormat::ChannelsLast);
  const at::Tensor values = at::empty({kPoints * together * in}, maps.options());
  const at::Tensor products = at::empty({kPoints * together * out}, maps.options());
  for (std::int64_t begin = 0; begin < tiles; begin += together) {
    const std::int64_t end = std::min(begin + together, tiles);
    const std::int64_t count = end - begin;
    at::Tensor own_values = values.narrow(0, 0, kPoints * count * in).view({kPoints, count, in});
    at::Tensor own_products = products.narrow(0, 0, kPoints * count * out).view({kPoints, count, out});
    transform_input(maps.const_data_ptr<float>(), grid, in, begin, end, own_values.data_ptr<float>());
    at::bmm_out(own_products, own_values, weights);
    transform_output(own_products.const_data_ptr<float>(), grid, out, begin, end, epilogue, result.data_ptr<float>());
  }
  return result;
}

}  // namespace

bool takes(const at::Tensor& maps, const at::Tensor& weight) {
  return maps.device().is_cpu() && maps.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         weight.size(2) == 3 && weight.size(3) == 3 && weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0;
}

bool pays(const at::Tensor& maps, const at::Tensor& weight, std::int64_t dilation) {
  constexpr std::int64_t kFewestChannels = 64;
  constexpr std::int64_t kFewestTiles = 32;
  constexpr double kMostProducts = 0.5;  // Of those of the direct sum: beyond, the transforms cost what is saved.
  const TileGrid grid(maps.size(2), maps.size(3), dilation);
  const double products = static_cast<double>(kPoints * grid.per_image());
  const double direct = static_cast<double>(9 * maps.size(2) * maps.size(3));
  return std::min(weight.size(0), weight.size(1)) >= kFewestChannels &&
         maps.size(0) * grid.per_image() >= kFewestTiles && products <= kMostProducts * direct;
}

at::Tensor transformed_weight(const at::Tensor& weight) { return transformed(weight, kernel_transform()); }

at::Tensor convolve(const at::Tensor& maps, const at::Tensor& transformed_weight, std::int64_t dilation,
                    const After& after) {
  return multiply_tiles(maps, transformed_weight.transpose(1, 2), dilation, after);
}

at::Tensor input_gradient(const at::Tensor& gradient, const at::Tensor& weight, std::int64_t dilation) {
  return multiply_tiles(gradient, transformed(weight, turned_kernel_transform()), dilation);
}

at::Tensor weight_gradient(const at::Tensor& input, const at::Tensor& output_gradient, std::int64_t dilation) {
  const at::Tensor maps = channels_last(input);
  const at::Tensor gradient = channels_last(output_gradient);
  const std::int64_t in = maps.size(1);
  const std::int64_t out = gradient.size(1);
  const TileGrid grid(maps.size(2), maps.size(3), dilation);
  const std::int64_t tiles = maps.size(0) * grid.per_image();
  const std::int64_t together = std::min(tiles, tiles_together(std::max(in, out)));
  const at::Tensor values = at::empty({kPoints * together * in}, maps.options());
  const at::Tensor gradients = at::empty({kPoints * together * out}, maps.options());
  at::Tensor sums = at::empty({kPoints, out, in}, maps.options());
  for (std::int64_t begin = 0; begin < tiles; begin += together) {
    const std::int64_t end = std::min(begin + together, tiles);
    const std::int64_t count = end - begin;
    at::Tensor own_values = values.narrow(0, 0, kPoints * count * in).view({kPoints, count, in});
    at::Tensor own_gradients = gradients.narrow(0, 0, kPoints * count * out).view({kPoints, count, out});
    transform_input(maps.const_data_ptr<float>(), grid, in, begin, end, own_values.data_ptr<float>());
    transform_output_gradient(gradient.const_data_ptr<float>(), grid, out, begin, end, own_gradients.data_ptr<float>());
    at::baddbmm_out(sums, sums, own_gradients.transpose(1, 2), own_values, begin == 0 ? 0.0 : 1.0);
  }
  return at::mm(sums.view({kPoints, -1}).t(), kernel_transform()).view({out, in, 3, 3});
}

}  // namespace wsss::winograd
