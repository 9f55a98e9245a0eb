#include "wsss/backbone/mobilenet_v2.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "wsss/convolution/conv_norm.h"
#include "wsss/core/cancel.h"
#include "wsss/core/recompute.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

struct Stage {
  std::int64_t expansion, channels, blocks, stride;
};

// Table 2 of the paper.
constexpr std::array<Stage, 7> kStages{
    {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
constexpr std::int64_t kStemChannels = 32;
// Layer whose output, at a quarter of the patch's size, goes to the decoder.
constexpr std::size_t kLowLevelLayer = 3;

}  // namespace

InvertedResidualImpl::InvertedResidualImpl(const Shape& shape)
    : has_shortcut_(shape.has_shortcut),
      padding_before_(shape.padding == BlockPadding::kBeforeExpansion ? shape.dilation : 0) {
  // Keys count every layer of the published sequence, ReLU6 included.
  const auto conv = register_module("conv", std::make_shared<torch::nn::Module>());
  const std::int64_t hidden = shape.in * shape.expansion;
  std::int64_t position = 0;
  if (shape.expansion != 1) {
    expand_ = conv->register_module("0", same_conv(shape.in, hidden, 1));
    bn_expand_ = conv->register_module("1", BatchNorm(hidden));
    position = 3;
  }
  const std::int64_t padding = shape.dilation - padding_before_;
  depthwise_ =
      conv->register_module(std::to_string(position), depthwise_conv(hidden, shape.stride, shape.dilation, padding));
  bn_depthwise_ = conv->register_module(std::to_string(position + 1), BatchNorm(hidden));
  project_ = conv->register_module(std::to_string(position + 3), same_conv(hidden, shape.out, 1));
  bn_project_ = conv->register_module(std::to_string(position + 4), BatchNorm(shape.out));
}

at::Tensor InvertedResidualImpl::forward(const at::Tensor& x) {
  at::Tensor t = x;
  if (padding_before_ > 0)
    t = at::constant_pad_nd(t, {padding_before_, padding_before_, padding_before_, padding_before_});
  if (expand_) t = conv_norm(expand_, bn_expand_, t, Activation::kRelu6);
  t = conv_norm(depthwise_, bn_depthwise_, t, Activation::kRelu6);
  at::Tensor out = conv_norm(project_, bn_project_, t, Activation::kNone, has_shortcut_ ? x : at::Tensor());
  cancellation_point(out);
  return out;
}

void InvertedResidualImpl::start_as_identity() {
  if (has_shortcut_) bn_project_->weight.fill_(0.0);
}

MobileNetV2FeaturesImpl::MobileNetV2FeaturesImpl(std::int64_t output_stride, double width, BlockPadding padding) {
  std::int64_t channels = scaled_channels(kStemChannels, width);
  stem_ = register_module("0", ConvNorm(same_conv(3, channels, 3, 2)));
  channels_.push_back(channels);
  std::int64_t stride_so_far = 2;
  std::int64_t dilation = 1;
  for (const Stage& stage : kStages) {
    const bool dilates = stage.stride > 1 && stride_so_far == output_stride;
    const std::int64_t stride = dilates ? 1 : stage.stride;
    const std::int64_t out = scaled_channels(stage.channels, width);
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      const std::int64_t block_stride = i == 0 ? stride : 1;
      // The first block of a stage changes the channels, and so has no shortcut.
      const InvertedResidualImpl::Shape shape{channels, out, block_stride, dilation, stage.expansion, i > 0, padding};
      blocks_.push_back(register_module(std::to_string(blocks_.size() + 1), InvertedResidual(shape)));
      channels_.push_back(out);
      channels = out;
    }
    // As published, a stage that lost its stride still has the dilation of the stage before.
    if (dilates) dilation *= stage.stride;
    stride_so_far *= stride;
  }
}

at::Tensor MobileNetV2FeaturesImpl::run(at::Tensor x, std::size_t first, std::size_t last) {
  if (first == 0) x = stem_->forward_to(x, Activation::kRelu6);
  for (std::size_t layer = std::max<std::size_t>(first, 1); layer <= last; ++layer)
    x = recomputed(blocks_[layer - 1], x);
  return x;
}

void MobileNetV2FeaturesImpl::set_frozen_up_to(std::size_t last, bool frozen) {
  const auto set = [frozen](const torch::nn::Module& layer) {
    for (auto& parameter : layer.parameters()) {
      if (parameter.dim() == 4) parameter.requires_grad_(!frozen);
    }
  };
  set(*stem_);
  for (std::size_t layer = 1; layer <= last; ++layer) set(*blocks_[layer - 1]);
}

void MobileNetV2FeaturesImpl::start_as_identity() {
  for (auto& block : blocks_) block->start_as_identity();
}

MobileNetV2BackboneImpl::MobileNetV2BackboneImpl(std::int64_t output_stride, double width)
    : output_stride_(output_stride) {
  features_ = register_module("features", MobileNetV2Features(output_stride, width, BlockPadding::kBeforeExpansion));
}

std::int64_t MobileNetV2BackboneImpl::low_channels() const { return features_->channels(kLowLevelLayer); }

BackboneFeatures MobileNetV2BackboneImpl::forward(const at::Tensor& x) {
  const at::Tensor low = features_->run(x, 0, kLowLevelLayer);
  return {features_->run(low, kLowLevelLayer + 1, MobileNetV2FeaturesImpl::kLastLayer), low};
}

}  // namespace wsss
