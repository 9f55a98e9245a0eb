// ResNet38, the paper's classifier, and its residual blocks.
#pragma once

#include <torch/nn/pimpl.h>

#include <string>
#include <utility>
#include <vector>

#include "wsss/classifier/classifier.h"
#include "wsss/convolution/conv2d.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/dropout.h"

namespace wsss {

/// Pre-activation residual block of two 3x3 convolutions (b2 .. b5_2).
///
/// t = relu(bn(x)); out = shortcut + conv(relu(bn(conv(t)))), where the shortcut is x itself, or conv_branch1(t) where
/// channels or stride change. The sum is not rectified.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t in, middle, out, stride, first_dilation, dilation;

    /// Whether the block needs conv_branch1. Asked of the paper's shape, so that a narrower network has the same keys.
    bool changes_shape() const { return in != out || stride != 1; }
  };
  ResidualBlockImpl(const Shape& shape, bool projects_shortcut);
  /// x [N, in, h, w] -> [N, out, h / stride, w / stride].
  at::Tensor forward(const at::Tensor& x);

 private:
  BatchNorm bn_in_{nullptr}, bn_middle_{nullptr};
  Conv2d conv_in_{nullptr}, conv_out_{nullptr}, conv_shortcut_{nullptr};
};
TORCH_MODULE(ResidualBlock);

/// Pre-activation bottleneck of a 1x1, a dilated 3x3 and a 1x1 convolution with channel dropout before the last two
/// (b6, b7).
class BottleneckBlockImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t in, narrow, middle, out, dilation;
    double dropout;
  };
  explicit BottleneckBlockImpl(const Shape& shape);
  /// x [N, in, h, w] -> [N, out, h, w].
  at::Tensor forward(const at::Tensor& x, Dropout& dropout);

 private:
  double dropout_probability_;
  BatchNorm bn_in_{nullptr}, bn_narrow_{nullptr}, bn_middle_{nullptr};
  Conv2d conv_in_{nullptr}, conv_middle_{nullptr}, conv_out_{nullptr}, conv_shortcut_{nullptr};
};
TORCH_MODULE(BottleneckBlock);

/// ResNet38 (Wu, Shen and van den Hengel 2016, model A1) at output stride 8 with a class head, the classifier of
/// stage 1. Registered names are the keys of the published checkpoints.
///
/// Levels: "bn7" (4096 channels), and the residual sums "b5_2" (1024) and "b4_5" (512).
class ResNet38Impl : public ClassifierImpl {
 public:
  /// @param class_count  K, 1 or more.
  /// @param width        channel multiplier above 0; 1 is the paper's network.
  explicit ResNet38Impl(std::int64_t class_count, double width = 1.0);

  const LevelNames& level_names() const override;
  at::Tensor features_to_shallow(const at::Tensor& x) override;
  FeatureLevels features_from_shallow(const at::Tensor& shallow, Dropout& dropout) override;
  /// conv1a and the convolutions of b2, b2_1, b2_2, as the published training does.
  void set_stem_frozen(bool frozen) override;

 private:
  Conv2d conv1a_{nullptr};
  std::vector<std::pair<std::string, ResidualBlock>> blocks_;  // b2 .. b5_2
  BottleneckBlock b6_{nullptr}, b7_{nullptr};
  BatchNorm bn7_{nullptr};
};
TORCH_MODULE(ResNet38);

}  // namespace wsss
