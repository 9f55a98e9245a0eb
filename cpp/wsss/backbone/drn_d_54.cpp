#include "wsss/backbone/drn_d_54.h"

#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

at::Tensor rectified(ConvNorm& layer, const at::Tensor& x) {
  at::Tensor out = layer->forward_to(x, Activation::kRelu);
  cancellation_point(out);
  return out;
}

}  // namespace

DrnD54Impl::DrnD54Impl(double width) : high_channels_(scaled_channels(512, width)) {
  using Dilations = std::vector<std::int64_t>;
  const std::int64_t narrow = scaled_channels(16, width);
  const std::int64_t wide = scaled_channels(32, width);
  const auto stage = [width](std::int64_t in, BottleneckStageImpl::Shape shape) {
    return BottleneckStage(in, shape, width);
  };
  layer0_ = register_module("layer0", ConvNorm(same_conv(3, narrow, 7)));
  layer1_ = register_module("layer1", ConvNorm(same_conv(narrow, narrow, 3)));
  layer2_ = register_module("layer2", ConvNorm(same_conv(narrow, wide, 3, 2)));
  layer3_ = register_module("layer3", stage(wide, {64, 2, Dilations(3, 1)}));
  layer4_ = register_module("layer4", stage(layer3_->out_channels(), {128, 2, Dilations(4, 1)}));
  layer5_ = register_module("layer5", stage(layer4_->out_channels(), {256, 1, Dilations(6, 2)}));
  layer6_ = register_module("layer6", stage(layer5_->out_channels(), {512, 1, Dilations(3, 4)}));
  layer7_ = register_module("layer7", ConvNorm(same_conv(layer6_->out_channels(), high_channels_, 3, 1, 2)));
  layer8_ = register_module("layer8", ConvNorm(same_conv(high_channels_, high_channels_, 3)));
}

BackboneFeatures DrnD54Impl::forward(const at::Tensor& x) {
  at::Tensor t = x;
  for (auto* layer : {&layer0_, &layer1_, &layer2_}) t = rectified(*layer, t);  // H / 2 from layer2 on
  const at::Tensor low = layer3_(t);                                            // H / 4
  t = layer6_(layer5_(layer4_(low)));                                           // H / 8
  return {rectified(layer8_, rectified(layer7_, t)), low};
}

void DrnD54Impl::start_as_identity() {
  for (auto* stage : {&layer3_, &layer4_, &layer5_, &layer6_}) (*stage)->start_as_identity();
}

}  // namespace wsss
