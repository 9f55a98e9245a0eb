// A layer made of a convolution and the batch norm that follows it.
#pragma once

#include "wsss/convolution/fused.h"

namespace wsss {

/// A convolution and its batch norm, registered as "0" and "1".
class ConvNormImpl : public torch::nn::Module {
 public:
  explicit ConvNormImpl(const Conv2d& conv, double norm_epsilon = 1e-5)
      : conv_(register_module("0", conv)),
        bn_(register_module(
            "1", BatchNorm(torch::nn::BatchNorm2dOptions(conv->options.out_channels()).eps(norm_epsilon)))) {}
  at::Tensor forward(const at::Tensor& x) { return forward_to(x, Activation::kNone); }
  /// activation(norm(conv(x)))
  at::Tensor forward_to(const at::Tensor& x, Activation activation) { return conv_norm(conv_, bn_, x, activation); }
  const Conv2d& conv() const { return conv_; }
  /// Of the batch norm, if it is no more than that.
  bool is_affine() const { return bn_->is_affine(); }
  ScaleShift scale_shift() { return bn_->scale_shift(); }

 private:
  Conv2d conv_;
  BatchNorm bn_;
};
TORCH_MODULE(ConvNorm);

}  // namespace wsss
