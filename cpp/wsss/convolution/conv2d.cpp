#include "wsss/convolution/conv2d.h"

#include <torch/torch.h>

#include <variant>

#include "wsss/convolution/pixels.h"
#include "wsss/convolution/pointwise_fused.h"
#include "wsss/convolution/same_convolution.h"
#include "wsss/convolution/winograd.h"

namespace wsss {

namespace {

bool all(const torch::ExpandingArray<2>& pair, std::int64_t value) {
  return pair->at(0) == value && pair->at(1) == value;
}

bool is_dense_3x3(const torch::nn::detail::ConvNdOptions<2>& options) {
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  const std::int64_t dilation = options.dilation()->at(0);
  return all(options.kernel_size(), 3) && all(options.stride(), 1) && all(options.dilation(), dilation) &&
         padding != nullptr && all(*padding, dilation) && options.groups() == 1 && !options.bias();
}

}  // namespace

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  if (is_plain(x) && is_plain(weight) && is_dense_3x3(options)) {
    return same_convolution(x, weight, options.dilation()->at(0));
  }
  return torch::nn::Conv2dImpl::forward(x);
}

at::Tensor Conv2dImpl::forward_with(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                                    const at::Tensor& shortcut, Activation activation) {
  const std::int64_t dilation = options.dilation()->at(0);
  if (is_dense_3x3(options) && winograd::takes(x, weight) && winograd::pays(x, weight, dilation)) {
    return winograd::convolve(x, winograd::transformed_weight(weight), dilation, {scale, shift, shortcut, activation});
  }
  const at::Tensor folded = scale.defined() ? weight * scale.view({-1, 1, 1, 1}) : weight;
  const auto& padding = std::get<torch::ExpandingArray<2>>(options.padding());
  const ConvolutionShape shape{*options.stride(), *padding, *options.dilation(), options.groups()};
  return pointwise_fused(x, folded, shift, shortcut, shape, activation);
}

}  // namespace wsss
