#include "wsss/backbone/xception.h"

#include <memory>
#include <string>

#include "wsss/convolution/fused.h"
#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/recompute.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

constexpr std::int64_t kMiddleBlocks = 16;
constexpr std::int64_t kMiddleChannels = 728;

}  // namespace

SeparableConvImpl::SeparableConvImpl(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t dilation) {
  conv1_ = register_module("conv1", depthwise_conv(in, /*kernel=*/3, stride, dilation, /*padding=*/dilation));
  bn_ = register_module("bn", BatchNorm(in));
  pointwise_ = register_module("pointwise", same_conv(in, out, 1));
}

at::Tensor SeparableConvImpl::forward(const at::Tensor& x) {
  return pointwise_(conv_norm(conv1_, bn_, x, Activation::kNone));
}

XceptionBlockImpl::XceptionBlockImpl(const Shape& shape) : rectifies_input_(shape.rectifies_input) {
  if (shape.projects_shortcut) {
    skip_ = register_module("skip", same_conv(shape.in, shape.out, 1, shape.stride));
    skipbn_ = register_module("skipbn", BatchNorm(shape.out));
  }
  // Keys count every layer of the published sequence, its ReLUs included: with one in front, the rest is one further.
  const auto rep = register_module("rep", std::make_shared<torch::nn::Module>());
  std::int64_t position = rectifies_input_ ? 1 : 0;
  const std::array<std::int64_t, 4> channels{shape.in, shape.middle, shape.out, shape.out};
  for (std::size_t i = 0; i < convs_.size(); ++i) {
    const std::int64_t stride = i + 1 == convs_.size() ? shape.stride : 1;
    convs_[i] = rep->register_module(std::to_string(position),
                                     SeparableConv(channels[i], channels[i + 1], stride, shape.dilations[i]));
    norms_[i] = rep->register_module(std::to_string(position + 1), BatchNorm(channels[i + 1]));
    position += 3;
  }
}

at::Tensor XceptionBlockImpl::forward(const at::Tensor& x) {
  const at::Tensor in = rectifies_input_ ? torch::relu(x) : x;
  at::Tensor t = norms_[0](convs_[0](in));
  for (std::size_t i = 1; i < convs_.size(); ++i) t = norms_[i](convs_[i](torch::relu(t)));
  at::Tensor out = t + (skip_ ? skipbn_(skip_(in)) : in);
  cancellation_point(out);
  return out;
}

void XceptionBlockImpl::start_as_identity() { norms_.back()->weight.fill_(0.0); }

XceptionImpl::XceptionImpl(std::int64_t output_stride, double width)
    : output_stride_(output_stride),
      low_channels_(scaled_channels(128, width)),
      high_channels_(scaled_channels(2048, width)) {
  const auto scaled = [width](std::int64_t channels) { return scaled_channels(channels, width); };
  const bool fine = output_stride == 8;
  const std::int64_t middle_dilation = fine ? 2 : 1;
  const std::int64_t exit_dilation = fine ? 4 : 2;
  const auto add_block = [this](const XceptionBlockImpl::Shape& shape) {
    blocks_.push_back(register_module("block" + std::to_string(blocks_.size() + 1), XceptionBlock(shape)));
  };

  conv1_ = register_module("conv1", same_conv(3, scaled(32), 3, 2));
  bn1_ = register_module("bn1", BatchNorm(scaled(32)));
  conv2_ = register_module("conv2", same_conv(scaled(32), scaled(64), 3));
  bn2_ = register_module("bn2", BatchNorm(scaled(64)));
  const std::int64_t middle = scaled(kMiddleChannels);
  const std::int64_t b2 = scaled(256);
  add_block({scaled(64), low_channels_, low_channels_, 2, {1, 1, 1}, false, true});
  add_block({low_channels_, b2, b2, 2, {1, 1, 1}, false, true});
  add_block({b2, middle, middle, fine ? 1 : 2, {1, 1, 1}, true, true});
  for (std::int64_t i = 0; i < kMiddleBlocks; ++i) {
    add_block({middle, middle, middle, 1, {middle_dilation, middle_dilation, middle_dilation}, true, false});
  }
  add_block({middle, middle, scaled(1024), 1, {middle_dilation, middle_dilation, 1}, true, true});
  const std::array<std::int64_t, 4> channels{scaled(1024), scaled(1536), scaled(1536), high_channels_};
  for (std::size_t i = 0; i < exit_.size(); ++i) {
    const std::string number = std::to_string(i + 3);
    exit_[i] = register_module("conv" + number, SeparableConv(channels[i], channels[i + 1], 1, exit_dilation));
    exit_norms_[i] = register_module("bn" + number, BatchNorm(channels[i + 1]));
  }
}

BackboneFeatures XceptionImpl::forward(const at::Tensor& x) {
  at::Tensor t = conv_norm(conv1_, bn1_, x, Activation::kRelu);  // H / 2
  t = conv_norm(conv2_, bn2_, t, Activation::kRelu);             // H / 2
  const at::Tensor low = torch::relu(blocks_[0](t));             // H / 4
  t = low;
  for (std::size_t i = 1; i < blocks_.size(); ++i)
    t = recomputed(blocks_[i], t);  // H / 8, then H / 16 (8 at output stride 8)
  t = torch::relu(t);
  for (std::size_t i = 0; i < exit_.size(); ++i) t = torch::relu(exit_norms_[i](exit_[i](t)));
  return {t, low};
}

void XceptionImpl::start_as_identity() {
  for (auto& block : blocks_) block->start_as_identity();
}

}  // namespace wsss
