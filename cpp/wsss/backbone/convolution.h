#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "wsss/core/batch_norm.h"

namespace wsss {

/// A convolution and its batch norm, registered as "0" and "1".
class ConvNormImpl : public torch::nn::Module {
 public:
  explicit ConvNormImpl(const torch::nn::Conv2d& conv)
      : conv_(register_module("0", conv)), bn_(register_module("1", BatchNorm(conv->options.out_channels()))) {}
  at::Tensor forward(const at::Tensor& x) { return bn_(conv_(x)); }

 private:
  torch::nn::Conv2d conv_;
  BatchNorm bn_;
};
TORCH_MODULE(ConvNorm);

/// A convolution without bias whose zero padding keeps the size of the map, but for the stride.
inline torch::nn::Conv2d same_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                                   std::int64_t dilation = 1) {
  const std::int64_t padding = dilation * (kernel / 2);
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).dilation(dilation).bias(false));
}

/// A 3x3 convolution of each channel by itself, without bias.
inline torch::nn::Conv2d depthwise_conv(std::int64_t channels, std::int64_t stride, std::int64_t dilation,
                                        std::int64_t padding) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, channels, 3)
                               .stride(stride)
                               .padding(padding)
                               .dilation(dilation)
                               .groups(channels)
                               .bias(false));
}

}  // namespace wsss
