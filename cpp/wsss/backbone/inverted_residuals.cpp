#include "wsss/backbone/inverted_residuals.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "wsss/core/cancel.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/recompute.h"
#include "wsss/core/width.h"
#include "wsss/fused_block/fused_block.h"

namespace wsss {

namespace {

constexpr std::int64_t kStemKernel = 3;
constexpr std::int64_t kStemStride = 2;
// Counted from 1; its output is at a quarter of the patch's size.
constexpr std::size_t kLowLevelStage = 2;

BatchNorm norm_of(std::int64_t channels, double epsilon) {
  return BatchNorm(torch::nn::BatchNorm2dOptions(channels).eps(epsilon));
}

/// TensorFlow pads a map for a stride when it knows its size; the convolution itself then pads nothing.
bool pads_by_size(BlockPadding padding, std::int64_t stride) {
  return padding == BlockPadding::kTensorFlow && stride > 1;
}

/// Zeros around a map for a kernel and a stride.
at::Tensor padded_for(const at::Tensor& x, BlockPadding padding, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation) {
  const SidePadding rows = side_padding(padding, x.size(2), kernel, stride, dilation);
  const SidePadding columns = side_padding(padding, x.size(3), kernel, stride, dilation);
  return at::constant_pad_nd(x, {columns.before, columns.after, rows.before, rows.after});
}

/// What maps are stored as.
at::ScalarType stored_type() { return current_precision() == Precision::kBfloat16 ? at::kBFloat16 : at::kFloat; }

NormedWeight normed_weight(Conv2d& conv, BatchNorm& norm) {
  const ScaleShift affine = norm->scale_shift();
  return {conv->weight, affine.scale, affine.shift};
}

}  // namespace

InvertedResidualImpl::InvertedResidualImpl(const BlockShape& shape, double norm_epsilon) : shape_(shape) {
  // Keys count every layer of the published sequence, ReLU6 included.
  const auto conv = register_module("conv", std::make_shared<torch::nn::Module>());
  const std::int64_t hidden = shape.hidden();
  std::int64_t position = 0;
  if (shape.expansion != 1) {
    expand_ = conv->register_module("0", same_conv(shape.in, hidden, 1));
    bn_expand_ = conv->register_module("1", norm_of(hidden, norm_epsilon));
    position = 3;
  }
  const bool pads_before = shape.padding == BlockPadding::kBeforeExpansion || pads_by_size(shape.padding, shape.stride);
  const std::int64_t padding = pads_before ? 0 : shape.dilation * (shape.kernel / 2);
  depthwise_ = conv->register_module(std::to_string(position),
                                     depthwise_conv(hidden, shape.kernel, shape.stride, shape.dilation, padding));
  bn_depthwise_ = conv->register_module(std::to_string(position + 1), norm_of(hidden, norm_epsilon));
  project_ = conv->register_module(std::to_string(position + 3), same_conv(hidden, shape.out, 1));
  bn_project_ = conv->register_module(std::to_string(position + 4), norm_of(shape.out, norm_epsilon));
}

at::Tensor InvertedResidualImpl::forward(const at::Tensor& x) {
  // A training changes the weights with every step, and needs the memory.
  if (at::GradMode::is_enabled()) ready_.release();
  at::Tensor out = is_fused(x) ? forward_fused(x) : forward_by_layers(x);
  cancellation_point(out);
  return out;
}

bool InvertedResidualImpl::is_fused(const at::Tensor& x) const {
  const bool is_affine =
      (!bn_expand_ || bn_expand_->is_affine()) && bn_depthwise_->is_affine() && bn_project_->is_affine();
  return !at::GradMode::is_enabled() && depthwise_->weight.scalar_type() == at::kFloat && is_affine &&
         takes_fused_block(x, shape_);
}

at::Tensor InvertedResidualImpl::forward_fused(const at::Tensor& x) {
  const NormedWeight expand = expand_ ? normed_weight(expand_, bn_expand_) : NormedWeight();
  const at::ScalarType type = stored_type();
  const PackedBlock& packed = ready_.made_for(shape_, type, expand, normed_weight(depthwise_, bn_depthwise_),
                                              normed_weight(project_, bn_project_));
  return fused_block(x.to(type), packed);
}

at::Tensor InvertedResidualImpl::forward_by_layers(const at::Tensor& x) {
  const auto padded = [this](const at::Tensor& maps) {
    return padded_for(maps, shape_.padding, shape_.kernel, shape_.stride, shape_.dilation);
  };
  at::Tensor t = shape_.padding == BlockPadding::kBeforeExpansion ? padded(x) : x;
  if (expand_) t = conv_norm(expand_, bn_expand_, t, Activation::kRelu6);
  if (pads_by_size(shape_.padding, shape_.stride)) t = padded(t);
  t = conv_norm(depthwise_, bn_depthwise_, t, Activation::kRelu6);
  return conv_norm(project_, bn_project_, t, Activation::kNone, shape_.has_shortcut ? x : at::Tensor());
}

void InvertedResidualImpl::start_as_identity() {
  if (shape_.has_shortcut) bn_project_->weight.fill_(0.0);
}

std::size_t ResidualPlan::last_layer_of(std::size_t stage) const {
  std::size_t layer = 0;
  for (std::size_t i = 0; i < stage; ++i) layer += static_cast<std::size_t>(stages.at(i).blocks);
  return layer;
}

ResidualFeaturesImpl::ResidualFeaturesImpl(const ResidualPlan& plan, std::int64_t output_stride, double width)
    : padding_(plan.padding) {
  std::int64_t channels = scaled_channels(plan.stem_channels, width);
  const std::int64_t padding = pads_by_size(padding_, kStemStride) ? 0 : kStemKernel / 2;
  const Conv2d stem(
      torch::nn::Conv2dOptions(3, channels, kStemKernel).stride(kStemStride).padding(padding).bias(false));
  stem_ = register_module("0", ConvNorm(stem, plan.norm_epsilon));
  channels_.push_back(channels);
  std::int64_t stride_so_far = kStemStride;
  std::int64_t dilation = 1;
  for (const ResidualStage& stage : plan.stages) {
    const bool dilates = stage.stride > 1 && stride_so_far == output_stride;
    const std::int64_t stride = dilates ? 1 : stage.stride;
    const std::int64_t out = scaled_channels(stage.channels, width);
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      // The first block of a stage changes the channels, and so has no shortcut.
      const BlockShape shape{channels,        out,   stage.kernel, i == 0 ? stride : 1, dilation,
                             stage.expansion, i > 0, padding_};
      blocks_.push_back(
          register_module(std::to_string(blocks_.size() + 1), InvertedResidual(shape, plan.norm_epsilon)));
      channels_.push_back(out);
      channels = out;
    }
    // As published, a stage that lost its stride still has the dilation of the stage before.
    if (dilates) dilation *= stage.stride;
    stride_so_far *= stride;
  }
}

at::Tensor ResidualFeaturesImpl::run(at::Tensor x, std::size_t first, std::size_t last) {
  if (first == 0) x = run_stem(x);
  for (std::size_t layer = std::max<std::size_t>(first, 1); layer <= last; ++layer)
    x = recomputed(blocks_[layer - 1], x);
  return x;
}

bool ResidualFeaturesImpl::reads_bytes() const {
  const at::Tensor& weight = stem_->conv()->weight;
  return !at::GradMode::is_enabled() && weight.is_cpu() && weight.scalar_type() == at::kFloat && stem_->is_affine();
}

at::Tensor ResidualFeaturesImpl::run_stem(const at::Tensor& x) {
  if (x.scalar_type() == at::kByte) {
    const auto padding = [this](std::int64_t side) {
      return side_padding(padding_, side, kStemKernel, kStemStride, /*dilation=*/1);
    };
    const ScaleShift affine = stem_->scale_shift();
    const PackedStem& stem = ready_stem_.made_for({stem_->conv()->weight, affine.scale, affine.shift});
    return stem_of_bytes(x, stem, kStemStride, padding(x.size(2)), padding(x.size(3)), Activation::kRelu6,
                         stored_type());
  }
  if (at::GradMode::is_enabled()) ready_stem_.release();
  const bool pads = pads_by_size(padding_, kStemStride);
  return stem_->forward_to(pads ? padded_for(x, padding_, kStemKernel, kStemStride, /*dilation=*/1) : x,
                           Activation::kRelu6);
}

void ResidualFeaturesImpl::set_frozen_up_to(std::size_t last, bool frozen) {
  const auto set = [frozen](const torch::nn::Module& layer) {
    for (auto& parameter : layer.parameters()) {
      if (parameter.dim() == 4) parameter.requires_grad_(!frozen);
    }
  };
  set(*stem_);
  for (std::size_t layer = 1; layer <= last; ++layer) set(*blocks_[layer - 1]);
}

void ResidualFeaturesImpl::start_as_identity() {
  for (auto& block : blocks_) block->start_as_identity();
}

ResidualBackboneImpl::ResidualBackboneImpl(ResidualPlan plan, std::int64_t output_stride, double width)
    : plan_(std::move(plan)), output_stride_(output_stride) {
  features_ = register_module("features", ResidualFeatures(plan_, output_stride, width));
}

std::size_t ResidualBackboneImpl::low_layer() const { return plan_.last_layer_of(kLowLevelStage); }

std::int64_t ResidualBackboneImpl::low_channels() const { return features_->channels(low_layer()); }

BackboneFeatures ResidualBackboneImpl::forward(const at::Tensor& x) {
  const at::Tensor low = features_->run(x, 0, low_layer());
  return {features_->run(low, low_layer() + 1, high_layer()), low};
}

}  // namespace wsss
