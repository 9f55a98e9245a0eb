#include "wsss/classifier/resnet38.h"

#include <array>

#include "wsss/convolution/fused.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/recompute.h"
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
constexpr ClassifierImpl::LevelNames kLevelNames{"bn7", "b5_2", "b4_5"};

}  // namespace

ResNet38Impl::ResNet38Impl(std::int64_t class_count, double width) {
  const auto scaled = [width](std::int64_t channels) { return scaled_channels(channels, width); };
  conv1a_ = register_module("conv1a", same_conv(3, scaled(64), 3));
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
  bn7_ = register_module("bn7", BatchNorm(scaled(4096)));
  register_head(scaled(4096), class_count);
}

const ClassifierImpl::LevelNames& ResNet38Impl::level_names() const { return kLevelNames; }

at::Tensor ResNet38Impl::features_to_shallow(const at::Tensor& x) {
  at::Tensor t = conv1a_(x);
  passed("conv1a", t);
  for (std::size_t i = 0; i < kBlocksToB4_5; ++i) {
    t = recomputed(blocks_[i].second, t);
    passed(blocks_[i].first, t);
  }
  return t;
}

FeatureLevels ResNet38Impl::features_from_shallow(const at::Tensor& shallow, Dropout& dropout) {
  FeatureLevels levels;
  levels.shallow = shallow;
  at::Tensor t = shallow;
  for (std::size_t i = kBlocksToB4_5; i < blocks_.size(); ++i) {
    t = recomputed(blocks_[i].second, t);
    passed(blocks_[i].first, t);
  }
  levels.middle = t;
  t = b6_(t, dropout);
  passed("b6", t);
  t = b7_(t, dropout);
  passed("b7", t);
  levels.deep = unrounded(norm_activation(bn7_, t, Activation::kRelu));
  passed("bn7_relu", levels.deep);
  return levels;
}

void ResNet38Impl::set_stem_frozen(bool frozen) {
  conv1a_->weight.requires_grad_(!frozen);
  for (std::size_t i = 0; i < kFrozenStemBlocks; ++i) {
    for (const auto& parameter : blocks_[i].second->named_parameters()) {
      if (parameter.key().find("conv") != std::string::npos) parameter.value().requires_grad_(!frozen);
    }
  }
}

}  // namespace wsss
