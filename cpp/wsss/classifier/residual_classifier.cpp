#include "wsss/classifier/residual_classifier.h"

#include <string>
#include <utility>

#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

constexpr std::int64_t kOutputStride = 16;
constexpr std::size_t kLastStemStage = 2;

}  // namespace

ResidualClassifierImpl::ResidualClassifierImpl(ResidualPlan plan, const LevelNames& levels, std::int64_t class_count,
                                               double width)
    : plan_(std::move(plan)), levels_(levels) {
  const std::int64_t deep = scaled_channels(plan_.head_channels, width);
  features_ = register_module("features", ResidualFeatures(plan_, kOutputStride, width));
  last_ =
      features_->register_module(std::to_string(deep_layer()),
                                 ConvNorm(same_conv(features_->channels(middle_layer()), deep, 1), plan_.norm_epsilon));
  register_head(deep, class_count);
}

bool ResidualClassifierImpl::reads_bytes() const { return features_->reads_bytes(); }

at::Tensor ResidualClassifierImpl::features_to_shallow(const at::Tensor& x) {
  return features_->run(x, 0, shallow_layer());
}

FeatureLevels ResidualClassifierImpl::features_from_shallow(const at::Tensor& shallow, Dropout&) {
  const at::Tensor middle = features_->run(shallow, shallow_layer() + 1, middle_layer());
  const at::Tensor deep = unrounded(last_->forward_to(middle, Activation::kRelu6));
  passed(levels_.front(), deep);
  return {shallow, middle, deep};
}

void ResidualClassifierImpl::initialize(std::uint64_t seed) {
  ClassifierImpl::initialize(seed);
  const torch::NoGradGuard no_grad;
  features_->start_as_identity();
}

void ResidualClassifierImpl::set_stem_frozen(bool frozen) {
  features_->set_frozen_up_to(plan_.last_layer_of(kLastStemStage), frozen);
}

}  // namespace wsss
