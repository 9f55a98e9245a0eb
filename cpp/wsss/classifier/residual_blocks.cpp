// The forward passes of ResNet38's two kinds of residual block.

#include "wsss/classifier/resnet38.h"
#include "wsss/convolution/fused.h"
#include "wsss/core/libtorch.h"

namespace wsss {

ResidualBlockImpl::ResidualBlockImpl(const Shape& shape, bool projects_shortcut) {
  bn_in_ = register_module("bn_branch2a", BatchNorm(shape.in));
  conv_in_ = register_module("conv_branch2a", same_conv(shape.in, shape.middle, 3, shape.stride, shape.first_dilation));
  bn_middle_ = register_module("bn_branch2b1", BatchNorm(shape.middle));
  conv_out_ = register_module("conv_branch2b1", same_conv(shape.middle, shape.out, 3, 1, shape.dilation));
  if (projects_shortcut) {
    conv_shortcut_ = register_module("conv_branch1", same_conv(shape.in, shape.out, 1, shape.stride));
  }
}

at::Tensor ResidualBlockImpl::forward(const at::Tensor& x) {
  const at::Tensor t = norm_activation(bn_in_, x, Activation::kRelu);
  const at::Tensor shortcut = conv_shortcut_ ? conv_shortcut_(t) : x;
  return conv_add(conv_out_, conv_norm(conv_in_, bn_middle_, t, Activation::kRelu), shortcut);
}

BottleneckBlockImpl::BottleneckBlockImpl(const Shape& shape) : dropout_probability_(shape.dropout) {
  bn_in_ = register_module("bn_branch2a", BatchNorm(shape.in));
  conv_in_ = register_module("conv_branch2a", same_conv(shape.in, shape.narrow, 1));
  bn_narrow_ = register_module("bn_branch2b1", BatchNorm(shape.narrow));
  conv_middle_ = register_module("conv_branch2b1", same_conv(shape.narrow, shape.middle, 3, 1, shape.dilation));
  bn_middle_ = register_module("bn_branch2b2", BatchNorm(shape.middle));
  conv_out_ = register_module("conv_branch2b2", same_conv(shape.middle, shape.out, 1));
  conv_shortcut_ = register_module("conv_branch1", same_conv(shape.in, shape.out, 1));
}

at::Tensor BottleneckBlockImpl::forward(const at::Tensor& x, Dropout& dropout) {
  const at::Tensor t = norm_activation(bn_in_, x, Activation::kRelu);
  const at::Tensor shortcut = conv_shortcut_(t);
  at::Tensor r = dropout.channels(conv_norm(conv_in_, bn_narrow_, t, Activation::kRelu), dropout_probability_);
  r = dropout.channels(conv_norm(conv_middle_, bn_middle_, r, Activation::kRelu), dropout_probability_);
  return conv_add(conv_out_, r, shortcut);
}

}  // namespace wsss
