#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <string>
#include <vector>

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
  torch::nn::BatchNorm2d bn_in_{nullptr}, bn_middle_{nullptr};
  torch::nn::Conv2d conv_in_{nullptr}, conv_out_{nullptr}, conv_shortcut_{nullptr};
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
  torch::nn::BatchNorm2d bn_in_{nullptr}, bn_narrow_{nullptr}, bn_middle_{nullptr};
  torch::nn::Conv2d conv_in_{nullptr}, conv_middle_{nullptr}, conv_out_{nullptr}, conv_shortcut_{nullptr};
};
TORCH_MODULE(BottleneckBlock);

/// The three maps that Grad-CAM reads, all at stride 8.
struct FeatureLevels {
  at::Tensor b4_5;  ///< [N, 512 * width, h, w], residual sum, not rectified.
  at::Tensor b5_2;  ///< [N, 1024 * width, h, w], residual sum, not rectified.
  at::Tensor bn7;   ///< [N, 4096 * width, h, w], relu(bn7(b7)).
};

/// ResNet38 (Wu, Shen and van den Hengel 2016, model A1) at output stride 8 with a class head, the classifier of
/// stage 1. Registered names are the keys of the published checkpoints.
class ResNet38Impl : public torch::nn::Module {
 public:
  /// Called with the name and output of every block, "conv1a" to "bn7_relu".
  using Observer = std::function<void(const std::string&, const at::Tensor&)>;

  /// @param class_count  K, 1 or more.
  /// @param width        channel multiplier above 0; 1 is the paper's network.
  explicit ResNet38Impl(std::int64_t class_count, double width = 1.0);

  /// x [N, 3, H, W] in [0, 1] -> features. H and W from 32 px up.
  FeatureLevels features(const at::Tensor& x, Dropout& dropout, const Observer& observer = {});
  /// The part of features() below b4_5, and the rest: split so that Grad-CAM can start its graph at b4_5.
  at::Tensor features_to_b4_5(const at::Tensor& x, const Observer& observer = {});
  FeatureLevels features_from_b4_5(const at::Tensor& b4_5, Dropout& dropout, const Observer& observer = {});

  /// bn7 [N, C, h, w] (PDA applied or not) -> logits [N, K]: channel dropout 0.5, mean over the map, fc8.
  at::Tensor classify(const at::Tensor& bn7, Dropout& dropout);
  /// Class activation maps [N, K, h, w]: fc8 applied to every position of bn7. Not rectified.
  at::Tensor class_activation_maps(const at::Tensor& bn7);
  /// The pooled feature [N, C] that fc8 reads in evaluation.
  static at::Tensor pooled(const at::Tensor& bn7);

  /// Evaluation logits [N, K].
  at::Tensor forward(const at::Tensor& x);

  const at::Tensor& class_weights() const { return fc8_->weight; }
  std::int64_t class_count() const { return fc8_->weight.size(0); }

  /// Random start: He's for the convolutions, Glorot's uniform for fc8 as published.
  void initialize(std::uint64_t seed);
  /// Stops the gradients of conv1a and the convolutions of b2, b2_1, b2_2, as the published training does.
  void set_stem_frozen(bool frozen);
  /// Frozen batch norms use their running statistics in training too, and their scale and shift have no gradient.
  void set_batch_norm_frozen(bool frozen);
  bool batch_norm_frozen() const { return batch_norm_frozen_; }

  void train(bool on = true) override;

 private:
  torch::nn::Conv2d conv1a_{nullptr};
  std::vector<std::pair<std::string, ResidualBlock>> blocks_;  // b2 .. b5_2
  BottleneckBlock b6_{nullptr}, b7_{nullptr};
  torch::nn::BatchNorm2d bn7_{nullptr};
  torch::nn::Conv2d fc8_{nullptr};
  bool batch_norm_frozen_ = false;
};
TORCH_MODULE(ResNet38);

}  // namespace wsss
