#pragma once

#include <torch/nn/pimpl.h>

#include <vector>

#include "wsss/backbone/backbone.h"
#include "wsss/convolution/conv_norm.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

/// Where an inverted residual pads its 3x3 convolution with zeros.
enum class BlockPadding {
  /// In front of the whole block, as the published segmenter does: the ring passes the expansion, so that it holds
  /// relu6(bn(0)) when the depthwise convolution sees it, and takes part in batch statistics.
  kBeforeExpansion,
  /// At the depthwise convolution, as the original MobileNetV2 and its ImageNet weights have it.
  kAtDepthwise,
};

/// Inverted residual (Sandler et al. 2018): 1x1 expansion, depthwise 3x3, linear 1x1 projection; with a shortcut where
/// stride and channels stay.
class InvertedResidualImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t in, out, stride, dilation;
    /// 1 = no expansion layer.
    std::int64_t expansion;
    /// Whether the block adds its input. Asked of the published shape, so that widths do not matter.
    bool has_shortcut;
    BlockPadding padding;
  };
  explicit InvertedResidualImpl(const Shape& shape);
  at::Tensor forward(const at::Tensor& x);
  void start_as_identity();

 private:
  bool has_shortcut_;
  std::int64_t padding_before_;
  Conv2d expand_{nullptr}, depthwise_{nullptr}, project_{nullptr};
  BatchNorm bn_expand_{nullptr}, bn_depthwise_{nullptr}, bn_project_{nullptr};
};
TORCH_MODULE(InvertedResidual);

/// The feature layers of MobileNetV2 (Sandler et al. 2018), "0" to "17", with dilation instead of stride from the given
/// output stride on. A child named "features" of whatever uses it.
class MobileNetV2FeaturesImpl : public torch::nn::Module {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  MobileNetV2FeaturesImpl(std::int64_t output_stride, double width, BlockPadding padding);

  /// Runs the layers `first` to `last`, both included, on what layer `first` reads.
  at::Tensor run(at::Tensor x, std::size_t first, std::size_t last);
  /// Channels of a layer's output.
  std::int64_t channels(std::size_t layer) const { return channels_.at(layer); }
  static constexpr std::size_t kLastLayer = 17;

  /// Stops the gradients of the convolutions of the layers up to `last`.
  void set_frozen_up_to(std::size_t last, bool frozen);
  void start_as_identity();

 private:
  ConvNorm stem_{nullptr};
  std::vector<InvertedResidual> blocks_;
  std::vector<std::int64_t> channels_;
};
TORCH_MODULE(MobileNetV2Features);

/// MobileNetV2 as an encoder. The published checkpoints list each tensor twice, as "features" and as
/// "low_level_features" or "high_level_features"; here they are registered once, as "features".
class MobileNetV2BackboneImpl : public Backbone {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  explicit MobileNetV2BackboneImpl(std::int64_t output_stride, double width = 1.0);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return features_->channels(MobileNetV2FeaturesImpl::kLastLayer); }
  std::int64_t low_channels() const override;
  std::int64_t output_stride() const override { return output_stride_; }
  void start_as_identity() override { features_->start_as_identity(); }

 private:
  std::int64_t output_stride_;
  MobileNetV2Features features_{nullptr};
};
TORCH_MODULE(MobileNetV2Backbone);

}  // namespace wsss
