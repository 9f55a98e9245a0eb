#include "wsss/classifier/resnet38.h"

#include <torch/torch.h>

#include <array>
#include <limits>

#include "wsss/core/cancel.h"
#include "wsss/core/init.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

struct BlockRow {
  const char* name;
  ResidualBlockImpl::Shape shape;  // {in, middle, out, stride, first dilation, dilation}
};

// Strides 2, 4, 8, then dilation instead of stride from b5 on.
constexpr std::array<BlockRow, 15> kBlocks{{
    {"b2", {64, 128, 128, 2, 1, 1}},
    {"b2_1", {128, 128, 128, 1, 1, 1}},
    {"b2_2", {128, 128, 128, 1, 1, 1}},
    {"b3", {128, 256, 256, 2, 1, 1}},
    {"b3_1", {256, 256, 256, 1, 1, 1}},
    {"b3_2", {256, 256, 256, 1, 1, 1}},
    {"b4", {256, 512, 512, 2, 1, 1}},
    {"b4_1", {512, 512, 512, 1, 1, 1}},
    {"b4_2", {512, 512, 512, 1, 1, 1}},
    {"b4_3", {512, 512, 512, 1, 1, 1}},
    {"b4_4", {512, 512, 512, 1, 1, 1}},
    {"b4_5", {512, 512, 512, 1, 1, 1}},
    {"b5", {512, 512, 1024, 1, 1, 2}},
    {"b5_1", {1024, 512, 1024, 1, 2, 2}},
    {"b5_2", {1024, 512, 1024, 1, 2, 2}},
}};
constexpr std::size_t kBlocksToB4_5 = 12;
constexpr std::size_t kFrozenStemBlocks = 3;
constexpr double kHeadDropout = 0.5;
constexpr std::uint64_t kHeadPosition = std::numeric_limits<std::uint32_t>::max();

void observe(const ResNet38Impl::Observer& observer, const std::string& name, const at::Tensor& x) {
  cancellation_point(x);
  if (observer) observer(name, x);
}

}  // namespace

ResNet38Impl::ResNet38Impl(std::int64_t class_count, double width) {
  const auto scaled = [width](std::int64_t channels) { return scaled_channels(channels, width); };
  conv1a_ =
      register_module("conv1a", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, scaled(64), 3).padding(1).bias(false)));
  for (const BlockRow& row : kBlocks) {
    auto shape = row.shape;
    shape.in = scaled(shape.in);
    shape.middle = scaled(shape.middle);
    shape.out = scaled(shape.out);
    blocks_.emplace_back(row.name, register_module(row.name, ResidualBlock(shape, row.shape.changes_shape())));
  }
  b6_ = register_module(
      "b6", BottleneckBlock(BottleneckBlockImpl::Shape{scaled(1024), scaled(512), scaled(1024), scaled(2048), 4, 0.3}));
  b7_ = register_module("b7", BottleneckBlock(BottleneckBlockImpl::Shape{scaled(2048), scaled(1024), scaled(2048),
                                                                         scaled(4096), 4, 0.5}));
  bn7_ = register_module("bn7", torch::nn::BatchNorm2d(scaled(4096)));
  fc8_ = register_module("fc8", torch::nn::Conv2d(torch::nn::Conv2dOptions(scaled(4096), class_count, 1).bias(false)));
}

at::Tensor ResNet38Impl::features_to_b4_5(const at::Tensor& x, const Observer& observer) {
  at::Tensor t = conv1a_(x);
  observe(observer, "conv1a", t);
  for (std::size_t i = 0; i < kBlocksToB4_5; ++i) {
    t = blocks_[i].second(t);
    observe(observer, blocks_[i].first, t);
  }
  return t;
}

FeatureLevels ResNet38Impl::features_from_b4_5(const at::Tensor& b4_5, Dropout& dropout, const Observer& observer) {
  FeatureLevels levels;
  levels.b4_5 = b4_5;
  at::Tensor t = b4_5;
  for (std::size_t i = kBlocksToB4_5; i < blocks_.size(); ++i) {
    t = blocks_[i].second(t);
    observe(observer, blocks_[i].first, t);
  }
  levels.b5_2 = t;
  t = b6_(t, dropout);
  observe(observer, "b6", t);
  t = b7_(t, dropout);
  observe(observer, "b7", t);
  levels.bn7 = torch::relu(bn7_(t));
  observe(observer, "bn7_relu", levels.bn7);
  return levels;
}

FeatureLevels ResNet38Impl::features(const at::Tensor& x, Dropout& dropout, const Observer& observer) {
  return features_from_b4_5(features_to_b4_5(x, observer), dropout, observer);
}

at::Tensor ResNet38Impl::pooled(const at::Tensor& bn7) { return bn7.mean({2, 3}); }

at::Tensor ResNet38Impl::classify(const at::Tensor& bn7, Dropout& dropout) {
  const at::Tensor feature = pooled(dropout.channels(bn7, kHeadDropout));
  return torch::linear(feature, fc8_->weight.flatten(1));
}

at::Tensor ResNet38Impl::class_activation_maps(const at::Tensor& bn7) { return torch::conv2d(bn7, fc8_->weight); }

at::Tensor ResNet38Impl::forward(const at::Tensor& x) {
  Dropout inactive;
  return classify(features(x, inactive).bn7, inactive);
}

void ResNet38Impl::initialize(std::uint64_t seed) {
  initialize_weights(*this, seed);
  xavier_uniform(fc8_->weight, seed, kHeadPosition);
}

void ResNet38Impl::set_stem_frozen(bool frozen) {
  conv1a_->weight.requires_grad_(!frozen);
  for (std::size_t i = 0; i < kFrozenStemBlocks; ++i) {
    for (const auto& parameter : blocks_[i].second->named_parameters()) {
      if (parameter.key().find("conv") != std::string::npos) parameter.value().requires_grad_(!frozen);
    }
  }
}

void ResNet38Impl::set_batch_norm_frozen(bool frozen) {
  batch_norm_frozen_ = frozen;
  for (const auto& module : modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) {
      norm->weight.requires_grad_(!frozen);
      norm->bias.requires_grad_(!frozen);
    }
  }
  train(is_training());
}

void ResNet38Impl::train(bool on) {
  torch::nn::Module::train(on);
  if (!on || !batch_norm_frozen_) return;
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) norm->eval();
  }
}

}  // namespace wsss
