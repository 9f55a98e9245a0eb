#include "wsss/convolution/conv2d.h"

#include <optional>
#include <variant>

#include "wsss/convolution/depthwise.h"
#include "wsss/convolution/pixels.h"
#include "wsss/convolution/same_convolution.h"
#include "wsss/convolution/winograd.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"

namespace wsss {

namespace {

bool all(const torch::ExpandingArray<2>& pair, std::int64_t value) {
  return pair->at(0) == value && pair->at(1) == value;
}

/// Whether oneDNN takes bfloat16 on this processor; elsewhere it refuses, and other ways are slower than float32.
bool onednn_takes_bfloat16() {
#if defined(__x86_64__)
  static const bool takes = __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                            __builtin_cpu_supports("avx512dq") != 0;
  return takes;
#else
  return false;
#endif
}

/// The padding of a convolution, unless it is named by a word.
const torch::ExpandingArray<2>* padding_of(const torch::nn::detail::ConvNdOptions<2>& options) {
  return std::get_if<torch::ExpandingArray<2>>(&options.padding());
}

/// Whether same_convolution() takes it.
bool is_same(const torch::nn::detail::ConvNdOptions<2>& options) {
  const std::int64_t kernel = options.kernel_size()->at(0);
  const std::int64_t dilation = options.dilation()->at(0);
  const auto* padding = padding_of(options);
  return (kernel == 1 || kernel == 3) && all(options.kernel_size(), kernel) && all(options.stride(), 1) &&
         all(options.dilation(), dilation) && padding != nullptr && all(*padding, dilation * (kernel / 2)) &&
         options.groups() == 1 && !options.bias();
}

/// Whether each channel is convolved by itself, in a way that depthwise_convolution() knows.
bool is_depthwise(const torch::nn::detail::ConvNdOptions<2>& options) {
  const auto* padding = padding_of(options);
  return options.groups() > 1 && options.groups() == options.in_channels() &&
         options.groups() == options.out_channels() && all(options.stride(), options.stride()->at(0)) &&
         all(options.dilation(), options.dilation()->at(0)) && padding != nullptr && all(*padding, (*padding)->at(0)) &&
         !options.bias();
}

}  // namespace

Conv2dImpl::Types Conv2dImpl::types_for(const at::Tensor& x) const {
  constexpr std::int64_t kMultiple = 16;
  const bool rounds = current_precision() == Precision::kBfloat16 && weight.scalar_type() == at::kFloat;
  if (!rounds) return {x.scalar_type(), x.scalar_type()};
  const bool is_safe = options.in_channels() % kMultiple == 0 && options.out_channels() % kMultiple == 0;
  const bool multiplies = !x.is_cpu() || (is_safe && options.groups() == 1 && onednn_takes_bfloat16());
  return {multiplies ? at::kBFloat16 : at::kFloat, at::kBFloat16};
}

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  if (!at::GradMode::is_enabled() && is_plain(x) && !bias.defined())
    return forward_with(x, {}, {}, {}, Activation::kNone);
  // A training changes the weight with every step, and needs the memory.
  if (at::GradMode::is_enabled()) ready_.release();
  const Types types = types_for(x);
  if (is_depthwise(options) && takes_depthwise(x, weight)) {
    const DepthwiseShape own{options.kernel_size()->at(0), options.stride()->at(0), options.dilation()->at(0),
                             (*padding_of(options))->at(0)};
    return depthwise_convolution(x.to(types.output), weight, own);
  }
  const at::Tensor maps = x.to(types.products);
  if (is_plain(maps) && weight.scalar_type() == at::kFloat && is_same(options)) {
    return same_convolution(maps, weight, options.dilation()->at(0)).to(types.output);
  }
  if (maps.scalar_type() == weight.scalar_type()) return torch::nn::Conv2dImpl::forward(maps).to(types.output);
  const auto own_bias = bias.defined() ? std::make_optional(bias.to(types.products)) : std::nullopt;
  return at::conv2d(maps, weight.to(types.products), own_bias, *options.stride(), *padding_of(options),
                    *options.dilation(), options.groups())
      .to(types.output);
}

at::Tensor Conv2dImpl::forward_with(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                                    const at::Tensor& shortcut, Activation activation) {
  const Types types = types_for(x);
  const at::Tensor maps = x.to(types.products);
  const std::int64_t dilation = options.dilation()->at(0);
  if (is_same(options) && winograd::takes(maps, weight) && winograd::pays(maps, weight, dilation)) {
    return winograd::convolve(maps, transformed(maps), dilation, {scale, shift, shortcut, activation}).to(types.output);
  }
  const auto typed = [&](const at::Tensor& tensor) { return tensor.defined() ? tensor.to(types.products) : tensor; };
  return pointwise_fused(maps, packed(maps, scale), typed(shift), typed(shortcut), shape(), activation)
      .to(types.output);
}

const at::Tensor& Conv2dImpl::packed(const at::Tensor& maps, const at::Tensor& scale) {
  return ready_.made_for({weight, scale, maps.scalar_type(), maps.sizes().vec()}, [&] {
    const at::Tensor folded = scale.defined() ? weight * scale.view({-1, 1, 1, 1}) : weight;
    return packed_weight(folded.to(maps.scalar_type()), maps.sizes(), shape());
  });
}

at::Tensor Conv2dImpl::transformed(const at::Tensor& maps) {
  // It is four times as large as the weight: kept only where making it takes a good part of the time, and where few
  // maps leave room for it.
  constexpr std::int64_t kFewTiles = 256;
  const auto make = [&] { return winograd::transformed_weight(weight, maps.scalar_type()); };
  if (winograd::tile_count(maps, options.dilation()->at(0)) < kFewTiles) {
    return ready_.made_for({weight, {}, maps.scalar_type(), {}}, make);
  }
  ready_.release();
  return make();
}

ConvolutionShape Conv2dImpl::shape() const {
  return {*options.stride(), *padding_of(options), *options.dilation(), options.groups()};
}

}  // namespace wsss
