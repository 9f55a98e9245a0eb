// The backbone Xception, as DeepLab v3+ modifies it, and its separable convolutions and blocks.
#pragma once

#include <torch/nn/pimpl.h>

#include <array>
#include <vector>

#include "wsss/backbone/backbone.h"
#include "wsss/convolution/conv2d.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

/// Separable convolution of the published code: depthwise 3x3, batch norm, pointwise 1x1.
class SeparableConvImpl : public torch::nn::Module {
 public:
  SeparableConvImpl(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t dilation);
  at::Tensor forward(const at::Tensor& x);

 private:
  Conv2d conv1_{nullptr}, pointwise_{nullptr};
  BatchNorm bn_{nullptr};
};
TORCH_MODULE(SeparableConv);

/// Three separable convolutions, each with its batch norm, ReLU between them, and a shortcut.
class XceptionBlockImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t in, middle, out;
    /// Of the last separable convolution and of the shortcut.
    std::int64_t stride;
    /// Of the three separable convolutions.
    std::array<std::int64_t, 3> dilations;
    /// Whether the block begins with a ReLU; the shortcut then sees the rectified input too, since the published
    /// code rectifies in place.
    bool rectifies_input;
    /// Whether the shortcut is a convolution.
    bool projects_shortcut;
  };
  explicit XceptionBlockImpl(const Shape& shape);
  at::Tensor forward(const at::Tensor& x);
  void start_as_identity();

 private:
  bool rectifies_input_;
  Conv2d skip_{nullptr};
  BatchNorm skipbn_{nullptr};
  std::array<SeparableConv, 3> convs_{nullptr, nullptr, nullptr};
  std::array<BatchNorm, 3> norms_{nullptr, nullptr, nullptr};
};
TORCH_MODULE(XceptionBlock);

/// The modified aligned Xception of DeepLab v3+ (Chen et al. 2018) with 16 middle blocks. Registered names are the keys
/// of the published checkpoints.
class XceptionImpl : public Backbone {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  explicit XceptionImpl(std::int64_t output_stride, double width = 1.0);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return high_channels_; }
  std::int64_t low_channels() const override { return low_channels_; }
  std::int64_t output_stride() const override { return output_stride_; }
  void start_as_identity() override;

 private:
  std::int64_t output_stride_, low_channels_, high_channels_;
  Conv2d conv1_{nullptr}, conv2_{nullptr};
  BatchNorm bn1_{nullptr}, bn2_{nullptr};
  std::vector<XceptionBlock> blocks_;  // block1 .. block20
  std::array<SeparableConv, 3> exit_{nullptr, nullptr, nullptr};
  std::array<BatchNorm, 3> exit_norms_{nullptr, nullptr, nullptr};
};
TORCH_MODULE(Xception);

}  // namespace wsss
