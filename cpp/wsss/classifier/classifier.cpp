#include "wsss/classifier/classifier.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "wsss/backbone/efficientnet_lite.h"
#include "wsss/backbone/mobilenet_v2.h"
#include "wsss/classifier/residual_classifier.h"
#include "wsss/classifier/resnet38.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/cancel.h"
#include "wsss/core/error.h"
#include "wsss/core/init.h"
#include "wsss/core/libtorch.h"
#include "wsss/fused_block/stem.h"

namespace wsss {

namespace {

constexpr double kHeadDropout = 0.5;
constexpr std::uint64_t kHeadPosition = std::numeric_limits<std::uint32_t>::max();

}  // namespace

const at::Tensor& FeatureLevels::of(FeatureLevel level) const {
  switch (level) {
    case FeatureLevel::kShallow:
      return shallow;
    case FeatureLevel::kMiddle:
      return middle;
    default:
      return deep;
  }
}

FeatureLevel ClassifierImpl::level_named(const std::string& name) const {
  const LevelNames& names = level_names();
  const auto* found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<FeatureLevel>(found - names.begin());
  throw Error(ErrorCode::kOption,
              std::string("levels must be ") + names[0] + ", " + names[1] + " or " + names[2] + ", received " + name,
              {{"option", "levels"}});
}

FeatureLevels ClassifierImpl::features(const at::Tensor& x, Dropout& dropout) {
  return features_from_shallow(features_to_shallow(x), dropout);
}

at::Tensor ClassifierImpl::pooled(const at::Tensor& deep) { return deep.mean({2, 3}); }

at::Tensor ClassifierImpl::classify(const at::Tensor& deep, Dropout& dropout) {
  const at::Tensor feature = pooled(dropout.channels(deep, kHeadDropout));
  return torch::linear(feature, fc8_->weight.flatten(1));
}

at::Tensor ClassifierImpl::class_activation_maps(const at::Tensor& deep) { return torch::conv2d(deep, fc8_->weight); }

at::Tensor ClassifierImpl::forward(const at::Tensor& x) {
  const auto logits = [this](const at::Tensor& pictures) {
    Dropout inactive;
    return classify(features(pictures, inactive).deep, inactive);
  };
  return x.scalar_type() == at::kByte ? few_at_a_time(x, logits) : logits(x);
}

void ClassifierImpl::initialize(std::uint64_t seed) {
  initialize_weights(*this, seed);
  xavier_uniform(fc8_->weight, seed, kHeadPosition);
}

void ClassifierImpl::set_batch_norm_frozen(bool frozen) {
  batch_norm_frozen_ = frozen;
  set_batch_norms_trainable(*this, !frozen);
  train(is_training());
}

void ClassifierImpl::train(bool on) {
  torch::nn::Module::train(on);
  if (on && batch_norm_frozen_) use_running_statistics(*this);
}

void ClassifierImpl::register_head(std::int64_t channels, std::int64_t class_count) {
  fc8_ = register_module("fc8", same_conv(channels, class_count, 1));
}

void ClassifierImpl::passed(const std::string& name, const at::Tensor& output) const {
  cancellation_point(output);
  if (observer_) observer_(name, output);
}

Classifier make_classifier(const std::string& backbone, std::int64_t class_count, double width) {
  using Pointer = std::shared_ptr<ClassifierImpl>;
  if (backbone == "resnet38") return Classifier(Pointer(std::make_shared<ResNet38Impl>(class_count, width)));
  const auto residual = [&](const ResidualPlan& plan, const ClassifierImpl::LevelNames& levels) {
    return Classifier(Pointer(std::make_shared<ResidualClassifierImpl>(plan, levels, class_count, width)));
  };
  if (backbone == "mobilenet") {
    return residual(mobilenet_v2(BlockPadding::kAtDepthwise), {"features18", "features17", "features16"});
  }
  if (const auto variant = efficientnet_lite_variant(backbone)) {
    return residual(efficientnet_lite(*variant), {"head", "stage7", "stage6"});
  }
  throw Error(ErrorCode::kOption,
              "backbone must be resnet38, mobilenet or efficientnet-lite0 to 2, received " + backbone,
              {{"option", "backbone"}});
}

}  // namespace wsss
