#pragma once

#include "wsss/convolution/conv2d.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

/// A convolution and its batch norm, registered as "0" and "1".
class ConvNormImpl : public torch::nn::Module {
 public:
  explicit ConvNormImpl(const Conv2d& conv)
      : conv_(register_module("0", conv)), bn_(register_module("1", BatchNorm(conv->options.out_channels()))) {}
  at::Tensor forward(const at::Tensor& x) { return bn_(conv_(x)); }

 private:
  Conv2d conv_;
  BatchNorm bn_;
};
TORCH_MODULE(ConvNorm);

}  // namespace wsss
