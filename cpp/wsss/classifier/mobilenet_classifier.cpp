#include "wsss/classifier/mobilenet_classifier.h"

#include <torch/torch.h>

#include "wsss/convolution/conv_norm.h"
#include "wsss/core/precision.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

constexpr ClassifierImpl::LevelNames kLevelNames{"features18", "features17", "features16"};
constexpr std::int64_t kOutputStride = 16;
constexpr std::int64_t kDeepChannels = 1280;
constexpr std::size_t kShallowLayer = 16;
constexpr std::size_t kMiddleLayer = 17;
constexpr std::size_t kLastStemLayer = 3;

}  // namespace

MobileNetClassifierImpl::MobileNetClassifierImpl(std::int64_t class_count, double width) {
  const std::int64_t deep = scaled_channels(kDeepChannels, width);
  features_ = register_module("features", MobileNetV2Features(kOutputStride, width, BlockPadding::kAtDepthwise));
  last_ = features_->register_module(
      "18", ConvNorm(same_conv(features_->channels(MobileNetV2FeaturesImpl::kLastLayer), deep, 1)));
  register_head(deep, class_count);
}

const ClassifierImpl::LevelNames& MobileNetClassifierImpl::level_names() const { return kLevelNames; }

at::Tensor MobileNetClassifierImpl::features_to_shallow(const at::Tensor& x) {
  return features_->run(x, 0, kShallowLayer);
}

FeatureLevels MobileNetClassifierImpl::features_from_shallow(const at::Tensor& shallow, Dropout&) {
  const at::Tensor middle = features_->run(shallow, kShallowLayer + 1, kMiddleLayer);
  const at::Tensor last = features_->run(middle, kMiddleLayer + 1, MobileNetV2FeaturesImpl::kLastLayer);
  const at::Tensor deep = unrounded(last_->forward_to(last, Activation::kRelu6));
  passed(kLevelNames.front(), deep);
  return {shallow, middle, deep};
}

void MobileNetClassifierImpl::initialize(std::uint64_t seed) {
  ClassifierImpl::initialize(seed);
  const torch::NoGradGuard no_grad;
  features_->start_as_identity();
}

void MobileNetClassifierImpl::set_stem_frozen(bool frozen) { features_->set_frozen_up_to(kLastStemLayer, frozen); }

}  // namespace wsss
