// Networks of inverted residuals: the feature layers that MobileNetV2 and EfficientNet-Lite are made of.
#pragma once

#include <torch/nn/pimpl.h>

#include <vector>

#include "wsss/backbone/backbone.h"
#include "wsss/convolution/conv_norm.h"
#include "wsss/core/batch_norm.h"
#include "wsss/fused_block/block_shape.h"
#include "wsss/fused_block/ready_block.h"
#include "wsss/fused_block/stem.h"

namespace wsss {

/// Inverted residual (Sandler et al. 2018): 1x1 expansion, depthwise convolution, linear 1x1 projection; with a
/// shortcut where neither the map's size nor its channels change. ReLU6 after the first two. Inference on a CPU
/// takes it in one go (fused_block.h).
class InvertedResidualImpl : public torch::nn::Module {
 public:
  InvertedResidualImpl(const BlockShape& shape, double norm_epsilon);
  at::Tensor forward(const at::Tensor& x);
  void start_as_identity();
  const BlockShape& shape() const { return shape_; }

 private:
  /// Whether inference can take it in one go.
  bool is_fused(const at::Tensor& x) const;
  at::Tensor forward_fused(const at::Tensor& x);
  at::Tensor forward_by_layers(const at::Tensor& x);

  BlockShape shape_;
  Conv2d expand_{nullptr}, depthwise_{nullptr}, project_{nullptr};
  BatchNorm bn_expand_{nullptr}, bn_depthwise_{nullptr}, bn_project_{nullptr};
  ReadyBlock ready_;
};
TORCH_MODULE(InvertedResidual);

/// A row of such a network's table: blocks of the same shape, of which the first has the stride.
struct ResidualStage {
  std::int64_t expansion, channels, blocks, stride, kernel;
};

/// A network of inverted residuals: a 3x3 convolution of stride 2, stages, and a 1x1 convolution where it classifies.
struct ResidualPlan {
  std::int64_t stem_channels;
  std::vector<ResidualStage> stages;
  std::int64_t head_channels;
  BlockPadding padding;
  double norm_epsilon;

  /// Number of the last layer of a stage, counted from 1: layer 0 is the stem, then each block is one.
  std::size_t last_layer_of(std::size_t stage) const;
  /// Number of the last block.
  std::size_t last_layer() const { return last_layer_of(stages.size()); }
};

/// The stem and the blocks of such a network, "0", "1", ..., with dilation instead of stride once the given output
/// stride is reached. Whatever uses it registers it as "features".
class ResidualFeaturesImpl : public torch::nn::Module {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  ResidualFeaturesImpl(const ResidualPlan& plan, std::int64_t output_stride, double width);

  /// Runs the layers `first` to `last`, both included, on what layer `first` reads; the stem reads the bytes of
  /// pictures too, [N, 3, H, W] uint8, where reads_bytes().
  at::Tensor run(at::Tensor x, std::size_t first, std::size_t last);
  /// Whether the stem reads bytes now: without gradients, on a CPU.
  bool reads_bytes() const;
  /// Channels of a layer's output.
  std::int64_t channels(std::size_t layer) const { return channels_.at(layer); }

  /// Stops the gradients of the convolutions of the layers up to `last`.
  void set_frozen_up_to(std::size_t last, bool frozen);
  void start_as_identity();

 private:
  at::Tensor run_stem(const at::Tensor& x);

  BlockPadding padding_;
  ConvNorm stem_{nullptr};
  ReadyStem ready_stem_;
  std::vector<InvertedResidual> blocks_;
  std::vector<std::int64_t> channels_;
};
TORCH_MODULE(ResidualFeatures);

/// Such a network as an encoder; the last layer of the second stage, at stride 4, goes to the decoder.
class ResidualBackboneImpl : public Backbone {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  ResidualBackboneImpl(ResidualPlan plan, std::int64_t output_stride, double width);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return features_->channels(high_layer()); }
  std::int64_t low_channels() const override;
  std::int64_t output_stride() const override { return output_stride_; }
  bool reads_bytes() const override { return features_->reads_bytes(); }
  void start_as_identity() override { features_->start_as_identity(); }

  /// Numbers of the layers of "features" whose outputs are the low-level and the high-level features.
  std::size_t low_layer() const;
  std::size_t high_layer() const { return plan_.last_layer(); }

 private:
  ResidualPlan plan_;
  std::int64_t output_stride_;
  ResidualFeatures features_{nullptr};
};
TORCH_MODULE(ResidualBackbone);

}  // namespace wsss
