#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <vector>

#include "wsss/segmenter/backbone.h"

namespace wsss {

/// Bottleneck of ResNet (He et al. 2016): 1x1, 3x3 (stride and dilation here), 1x1 to four times the planes.
class ResNetBottleneckImpl : public torch::nn::Module {
 public:
  /// @param projects_shortcut  the first block of a stage has a convolution on its shortcut.
  ResNetBottleneckImpl(std::int64_t in, std::int64_t planes, std::int64_t out, std::int64_t stride,
                       std::int64_t dilation, bool projects_shortcut);
  at::Tensor forward(const at::Tensor& x);
  /// Sets the scale of the last batch norm to 0.
  void start_as_identity();

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr}, bn3_{nullptr};
  torch::nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(ResNetBottleneck);

/// ResNet101 with dilation instead of stride in its last stages and the multi-grid (1, 2, 4) in layer4. Registered
/// names are torchvision's.
class ResNet101Impl : public Backbone {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  /// @throws Error         kOption for another stride.
  explicit ResNet101Impl(std::int64_t output_stride, double width = 1.0);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return high_channels_; }
  std::int64_t low_channels() const override { return low_channels_; }

 private:
  struct Stage {
    std::int64_t planes, stride;
    std::vector<std::int64_t> dilations;  // one per block
  };
  torch::nn::Sequential make_stage(const Stage& stage, double width);
  at::Tensor run_stage(torch::nn::Sequential& stage, at::Tensor x);

  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  torch::nn::Sequential layer1_{nullptr}, layer2_{nullptr}, layer3_{nullptr}, layer4_{nullptr};
  std::int64_t channels_ = 0;  // of the last layer made so far
  std::int64_t low_channels_ = 0;
  std::int64_t high_channels_ = 0;
};
TORCH_MODULE(ResNet101);

}  // namespace wsss
