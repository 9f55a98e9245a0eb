#include "wsss/convolution/conv2d.h"

#include <torch/torch.h>

#include <variant>

#include "wsss/convolution/same_convolution.h"

namespace wsss {

namespace {

bool is_dense_3x3(const torch::nn::detail::ConvNdOptions<2>& options) {
  const auto all = [](const torch::ExpandingArray<2>& pair, std::int64_t value) {
    return pair->at(0) == value && pair->at(1) == value;
  };
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  const std::int64_t dilation = options.dilation()->at(0);
  return all(options.kernel_size(), 3) && all(options.stride(), 1) && all(options.dilation(), dilation) &&
         padding != nullptr && all(*padding, dilation) && options.groups() == 1 && !options.bias();
}

}  // namespace

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  const bool plain = x.device().is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat;
  if (plain && is_dense_3x3(options)) return same_convolution(x, weight, options.dilation()->at(0));
  return torch::nn::Conv2dImpl::forward(x);
}

}  // namespace wsss
