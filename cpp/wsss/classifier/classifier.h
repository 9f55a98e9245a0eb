// The interface of the patch classifiers, whose features at three levels Grad-CAM reads.
#pragma once

#include <torch/nn/pimpl.h>

#include <array>
#include <functional>
#include <string>

#include "wsss/convolution/conv2d.h"
#include "wsss/core/dropout.h"

namespace wsss {

/// Where in a classifier a Grad-CAM is taken.
enum class FeatureLevel { kDeep, kMiddle, kShallow };

/// The three maps that Grad-CAM reads.
struct FeatureLevels {
  at::Tensor shallow;  ///< [N, C, h, w], not rectified; bfloat16 in a PrecisionScope of it.
  at::Tensor middle;   ///< [N, C', h, w], the same.
  at::Tensor deep;     ///< [N, C'', h, w], rectified, never bfloat16: what the class head reads.

  const at::Tensor& of(FeatureLevel level) const;
};

/// A classifier of stage 1: features of three levels, and a class head without bias on the deepest one, which makes its
/// class activation maps linear in the features.
class ClassifierImpl : public torch::nn::Module {
 public:
  /// Called with the name and output of every block.
  using Observer = std::function<void(const std::string&, const at::Tensor&)>;
  /// Names of the levels in the order of FeatureLevel, deepest first.
  using LevelNames = std::array<const char*, 3>;

  virtual const LevelNames& level_names() const = 0;
  /// The level of that name.
  /// @throws Error kOption for another name.
  FeatureLevel level_named(const std::string& name) const;

  /// x [N, 3, H, W] in [0, 1] -> features. H and W from 32 px up.
  FeatureLevels features(const at::Tensor& x, Dropout& dropout);
  /// The part of features() up to the shallow level, and the rest: split so that Grad-CAM can start its graph there.
  virtual at::Tensor features_to_shallow(const at::Tensor& x) = 0;
  virtual FeatureLevels features_from_shallow(const at::Tensor& shallow, Dropout& dropout) = 0;

  /// deep [N, C, h, w] (PDA applied or not) -> logits [N, K]: channel dropout 0.5, mean over the map, fc8.
  at::Tensor classify(const at::Tensor& deep, Dropout& dropout);
  /// Class activation maps [N, K, h, w]: fc8 applied to every position of the deep level. Not rectified.
  at::Tensor class_activation_maps(const at::Tensor& deep);
  /// The pooled feature [N, C] that fc8 reads in evaluation.
  static at::Tensor pooled(const at::Tensor& deep);

  /// Evaluation logits [N, K].
  at::Tensor forward(const at::Tensor& x);

  /// fc8: [K, C, 1, 1].
  const at::Tensor& class_weights() const { return fc8_->weight; }
  std::int64_t class_count() const { return fc8_->weight.size(0); }
  /// Whether features() takes the bytes of pictures as well, [N, 3, H, W] uint8 instead of values in [0, 1].
  virtual bool reads_bytes() const { return false; }

  /// Random start: He's for the convolutions, Glorot's uniform for fc8 as published.
  virtual void initialize(std::uint64_t seed);
  /// Stops the gradients of the first convolutions, whose edges and colours an ImageNet start already has.
  virtual void set_stem_frozen(bool frozen) = 0;
  /// Frozen batch norms use their running statistics in training too, and their scale and shift have no gradient.
  void set_batch_norm_frozen(bool frozen);
  bool batch_norm_frozen() const { return batch_norm_frozen_; }

  void train(bool on = true) override;

  void observe_with(Observer observer) { observer_ = std::move(observer); }

 protected:
  /// Registers fc8; the last thing that a network's constructor does.
  void register_head(std::int64_t channels, std::int64_t class_count);
  /// To be called after each block: stops if the work was cancelled, and shows the output to the observer.
  void passed(const std::string& name, const at::Tensor& output) const;

 private:
  Conv2d fc8_{nullptr};
  bool batch_norm_frozen_ = false;
  Observer observer_;
};
TORCH_MODULE(Classifier);

/// Builds a classifier.
///
/// @param backbone     "resnet38", "mobilenet" or "efficientnet-lite0" to "efficientnet-lite2".
/// @param class_count  K, 1 or more.
/// @param width        channel multiplier above 0; 1 is the paper's network.
/// @throws Error       kOption for another backbone.
Classifier make_classifier(const std::string& backbone, std::int64_t class_count, double width);

}  // namespace wsss
