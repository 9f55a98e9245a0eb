#include "wsss/backbone/resnet101.h"

#include "wsss/convolution/fused.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/width.h"

namespace wsss {

ResNet101Impl::ResNet101Impl(std::int64_t output_stride, double width) : output_stride_(output_stride) {
  using Dilations = std::vector<std::int64_t>;
  const bool fine = output_stride == 8;
  const std::int64_t stem = scaled_channels(64, width);
  const auto stage = [width](std::int64_t in, BottleneckStageImpl::Shape shape) {
    return BottleneckStage(in, shape, width);
  };
  conv1_ = register_module("conv1", same_conv(3, stem, 7, 2));
  bn1_ = register_module("bn1", BatchNorm(stem));
  layer1_ = register_module("layer1", stage(stem, {64, 1, Dilations(3, 1)}));
  layer2_ = register_module("layer2", stage(layer1_->out_channels(), {128, 2, Dilations(4, 1)}));
  layer3_ = register_module("layer3", stage(layer2_->out_channels(), {256, fine ? 1 : 2, Dilations(23, fine ? 2 : 1)}));
  const std::int64_t grid = fine ? 4 : 2;
  layer4_ = register_module("layer4", stage(layer3_->out_channels(), {512, 1, {grid, 2 * grid, 4 * grid}}));
}

BackboneFeatures ResNet101Impl::forward(const at::Tensor& x) {
  at::Tensor t = conv_norm(conv1_, bn1_, x, Activation::kRelu);  // H / 2
  t = torch::max_pool2d(t, 3, 2, 1);                             // H / 4
  const at::Tensor low = layer1_(t);                             // H / 4
  t = layer2_(low);                                              // H / 8
  t = layer3_(t);                                                // H / 16 (8 at output stride 8)
  return {layer4_(t), low};
}

void ResNet101Impl::start_as_identity() {
  for (auto* stage : {&layer1_, &layer2_, &layer3_, &layer4_}) (*stage)->start_as_identity();
}

}  // namespace wsss
