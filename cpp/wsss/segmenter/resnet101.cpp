#include "wsss/segmenter/resnet101.h"

#include <torch/torch.h>

#include "wsss/core/cancel.h"
#include "wsss/core/error.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                       std::int64_t dilation = 1) {
  const std::int64_t padding = dilation * (kernel / 2);
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).dilation(dilation).bias(false));
}

constexpr std::int64_t kExpansion = 4;

}  // namespace

ResNetBottleneckImpl::ResNetBottleneckImpl(std::int64_t in, std::int64_t planes, std::int64_t out, std::int64_t stride,
                                           std::int64_t dilation, bool projects_shortcut) {
  conv1_ = register_module("conv1", conv(in, planes, 1));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(planes));
  conv2_ = register_module("conv2", conv(planes, planes, 3, stride, dilation));
  bn2_ = register_module("bn2", torch::nn::BatchNorm2d(planes));
  conv3_ = register_module("conv3", conv(planes, out, 1));
  bn3_ = register_module("bn3", torch::nn::BatchNorm2d(out));
  if (projects_shortcut) {
    downsample_ =
        register_module("downsample", torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out)));
  }
}

at::Tensor ResNetBottleneckImpl::forward(const at::Tensor& x) {
  at::Tensor r = torch::relu(bn1_(conv1_(x)));
  r = torch::relu(bn2_(conv2_(r)));
  r = bn3_(conv3_(r));
  return torch::relu(r + (downsample_ ? downsample_->forward(x) : x));
}

void ResNetBottleneckImpl::start_as_identity() { bn3_->weight.fill_(0.0); }

ResNet101Impl::ResNet101Impl(std::int64_t output_stride, double width) {
  if (output_stride != 8 && output_stride != 16) {
    throw Error(ErrorCode::kOption, "outputStride must be 8 or 16, received " + std::to_string(output_stride),
                {{"option", "outputStride"}});
  }
  const bool fine = output_stride == 8;
  channels_ = scaled_channels(64, width);
  conv1_ = register_module("conv1", conv(3, channels_, 7, 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(channels_));
  layer1_ = register_module("layer1", make_stage({64, 1, std::vector<std::int64_t>(3, 1)}, width));
  low_channels_ = channels_;
  layer2_ = register_module("layer2", make_stage({128, 2, std::vector<std::int64_t>(4, 1)}, width));
  layer3_ =
      register_module("layer3", make_stage({256, fine ? 1 : 2, std::vector<std::int64_t>(23, fine ? 2 : 1)}, width));
  const std::int64_t base = fine ? 4 : 2;
  layer4_ = register_module("layer4", make_stage({512, 1, {base, 2 * base, 4 * base}}, width));
  high_channels_ = channels_;
}

torch::nn::Sequential ResNet101Impl::make_stage(const Stage& stage, double width) {
  torch::nn::Sequential blocks;
  const std::int64_t planes = scaled_channels(stage.planes, width);
  const std::int64_t out = scaled_channels(stage.planes * kExpansion, width);
  for (std::size_t i = 0; i < stage.dilations.size(); ++i) {
    blocks->push_back(ResNetBottleneck(channels_, planes, out, i == 0 ? stage.stride : 1, stage.dilations[i], i == 0));
    channels_ = out;
  }
  return blocks;
}

at::Tensor ResNet101Impl::run_stage(torch::nn::Sequential& stage, at::Tensor x) {
  for (const auto& block : *stage) {
    x = block.get<ResNetBottleneck>()->forward(x);
    cancellation_point(x);
  }
  return x;
}

BackboneFeatures ResNet101Impl::forward(const at::Tensor& x) {
  at::Tensor t = torch::relu(bn1_(conv1_(x)));   // H / 2
  t = torch::max_pool2d(t, 3, 2, 1);             // H / 4
  const at::Tensor low = run_stage(layer1_, t);  // H / 4
  t = run_stage(layer2_, low);                   // H / 8
  t = run_stage(layer3_, t);                     // H / 16 (8 at output stride 8)
  return {run_stage(layer4_, t), low};
}

}  // namespace wsss
