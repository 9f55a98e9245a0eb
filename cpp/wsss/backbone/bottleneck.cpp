#include "wsss/backbone/bottleneck.h"

#include <string>

#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/recompute.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

constexpr std::int64_t kExpansion = 4;

}  // namespace

BottleneckImpl::BottleneckImpl(const Shape& shape, bool projects_shortcut) {
  conv1_ = register_module("conv1", same_conv(shape.in, shape.planes, 1));
  bn1_ = register_module("bn1", BatchNorm(shape.planes));
  conv2_ = register_module("conv2", same_conv(shape.planes, shape.planes, 3, shape.stride, shape.dilation));
  bn2_ = register_module("bn2", BatchNorm(shape.planes));
  conv3_ = register_module("conv3", same_conv(shape.planes, shape.out, 1));
  bn3_ = register_module("bn3", BatchNorm(shape.out));
  if (projects_shortcut) {
    downsample_ = register_module("downsample", ConvNorm(same_conv(shape.in, shape.out, 1, shape.stride)));
  }
}

at::Tensor BottleneckImpl::forward(const at::Tensor& x) {
  const at::Tensor shortcut = downsample_ ? downsample_(x) : x;
  at::Tensor r = conv_norm(conv1_, bn1_, x, Activation::kRelu);
  r = conv_norm(conv2_, bn2_, r, Activation::kRelu);
  return conv_norm(conv3_, bn3_, r, Activation::kRelu, shortcut);
}

void BottleneckImpl::start_as_identity() { bn3_->weight.fill_(0.0); }

BottleneckStageImpl::BottleneckStageImpl(std::int64_t in, const Shape& shape, double width)
    : out_channels_(scaled_channels(shape.planes * kExpansion, width)) {
  const std::int64_t planes = scaled_channels(shape.planes, width);
  for (std::size_t i = 0; i < shape.dilations.size(); ++i) {
    const bool first = i == 0;
    const BottleneckImpl::Shape block{first ? in : out_channels_, planes, out_channels_, first ? shape.stride : 1,
                                      shape.dilations[i]};
    blocks_.push_back(register_module(std::to_string(i), Bottleneck(block, first)));
  }
}

at::Tensor BottleneckStageImpl::forward(at::Tensor x) {
  for (auto& block : blocks_) {
    x = recomputed(block, x);
    cancellation_point(x);
  }
  return x;
}

void BottleneckStageImpl::start_as_identity() {
  for (auto& block : blocks_) block->start_as_identity();
}

}  // namespace wsss
