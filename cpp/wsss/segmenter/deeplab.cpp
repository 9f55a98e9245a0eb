#include "wsss/segmenter/deeplab.h"

#include "wsss/convolution/fused.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/cancel.h"
#include "wsss/core/init.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/width.h"
#include "wsss/fused_block/stem.h"
#include "wsss/image/resize.h"

namespace wsss {

namespace {

constexpr std::int64_t kHeadChannels = 256;
constexpr std::int64_t kLowLevelChannels = 48;

}  // namespace

DecoderHeadImpl::DecoderHeadImpl(std::int64_t in, std::int64_t channels, std::int64_t class_count) {
  conv0_ = register_module("0", same_conv(in, channels, 3));
  bn1_ = register_module("1", BatchNorm(channels));
  conv4_ = register_module("4", same_conv(channels, channels, 3));
  bn5_ = register_module("5", BatchNorm(channels));
  conv8_ = register_module("8", Conv2d(torch::nn::Conv2dOptions(channels, class_count, 1)));
}

at::Tensor DecoderHeadImpl::forward(const at::Tensor& x, Dropout& dropout) {
  at::Tensor t = dropout.elements(conv_norm(conv0_, bn1_, x, Activation::kRelu), 0.5);
  t = dropout.elements(conv_norm(conv4_, bn5_, t, Activation::kRelu), 0.1);
  return at::conv2d(unrounded(t), conv8_->weight, conv8_->bias);
}

DecoderImpl::DecoderImpl(std::int64_t low_channels, std::int64_t aspp_channels, std::int64_t class_count,
                         double width) {
  const std::int64_t low = scaled_channels(kLowLevelChannels, width);
  conv1_ = register_module("conv1", same_conv(low_channels, low, 1));
  bn1_ = register_module("bn1", BatchNorm(low));
  last_conv_ = register_module("last_conv",
                               DecoderHead(aspp_channels + low, scaled_channels(kHeadChannels, width), class_count));
}

at::Tensor DecoderImpl::forward(const at::Tensor& aspp, const at::Tensor& low, Dropout& dropout) {
  const at::Tensor reduced = conv_norm(conv1_, bn1_, low, Activation::kRelu);
  const at::Tensor up = resize_align_corners(aspp, low.size(2), low.size(3));
  return last_conv_(torch::cat({up, reduced}, 1), dropout);
}

DeepLabImpl::DeepLabImpl(const std::string& backbone, std::int64_t class_count, std::int64_t output_stride,
                         double width, std::optional<double> head_width)
    : class_count_(class_count), backbone_(make_backbone(backbone, output_stride, width)) {
  register_module("backbone", backbone_);
  const double head = head_width.value_or(width);
  aspp_ = register_module("aspp", Aspp(backbone_->high_channels(), backbone_->output_stride(), head));
  decoder_ = register_module("decoder", Decoder(backbone_->low_channels(), aspp_->out_channels(), class_count, head));
}

void DeepLabImpl::initialize(std::uint64_t seed) {
  initialize_weights(*this, seed);
  rescale_to_fan_in(*aspp_);
  rescale_to_fan_in(*decoder_);
  const torch::NoGradGuard no_grad;
  backbone_->start_as_identity();
}

void DeepLabImpl::set_backbone_batch_norm_frozen(bool frozen) {
  backbone_batch_norm_frozen_ = frozen;
  set_batch_norms_trainable(*backbone_, !frozen);
  train(is_training());
}

void DeepLabImpl::train(bool on) {
  torch::nn::Module::train(on);
  if (on && backbone_batch_norm_frozen_) use_running_statistics(*backbone_);
}

at::Tensor DeepLabImpl::forward(const at::Tensor& x, Dropout& dropout, const Observer& observer) {
  return resize_align_corners(coarse_logits(x, dropout, observer), x.size(2), x.size(3));
}

at::Tensor DeepLabImpl::coarse_logits(const at::Tensor& x, Dropout& dropout, const Observer& observer) {
  const auto run = [&](const at::Tensor& pictures) { return logits_of(pictures, dropout, observer); };
  return x.scalar_type() == at::kByte ? few_at_a_time(x, run) : run(x);
}

at::Tensor DeepLabImpl::logits_of(const at::Tensor& x, Dropout& dropout, const Observer& observer) {
  const auto observe = [&](const char* name, const at::Tensor& t) {
    cancellation_point(t);
    if (observer) observer(name, t);
  };
  const BackboneFeatures features = backbone_->forward(x);
  observe("low_level", features.low);
  observe("backbone", features.high);
  const at::Tensor aspp = aspp_(features.high, dropout);
  observe("aspp", aspp);
  const at::Tensor logits = decoder_(aspp, features.low, dropout);
  observe("decoder", logits);
  // Channels are few now, and what enlarges them goes over rows.
  return logits.contiguous();
}

}  // namespace wsss
