// Small classifiers of inverted residuals, for machines on which ResNet38 is too slow.
#pragma once

#include "wsss/backbone/inverted_residuals.h"
#include "wsss/classifier/classifier.h"

namespace wsss {

/// A network of inverted residuals at output stride 16 as a classifier of stage 1: some 2 to 5 million parameters
/// instead of 105. Stride 8 throughout, as ResNet38 has it, costs five times as much on a CPU, where dilated depthwise
/// convolutions are slow.
///
/// The three levels are the last outputs at one resolution, here stride 16, as in ResNet38: of the last convolution
/// (1280 channels), of the last stage (320), and of the stage before it. Masks from earlier layers are worse on real
/// tissue (docs/notes).
class ResidualClassifierImpl : public ClassifierImpl {
 public:
  /// @param levels       names of the three, deepest first.
  /// @param class_count  K, 1 or more.
  /// @param width        channel multiplier above 0.
  ResidualClassifierImpl(ResidualPlan plan, const LevelNames& levels, std::int64_t class_count, double width);

  const LevelNames& level_names() const override { return levels_; }
  bool reads_bytes() const override;
  at::Tensor features_to_shallow(const at::Tensor& x) override;
  FeatureLevels features_from_shallow(const at::Tensor& shallow, Dropout& dropout) override;
  void initialize(std::uint64_t seed) override;
  /// The convolutions at strides 2 and 4: the stem and the first two stages.
  void set_stem_frozen(bool frozen) override;

  /// Numbers of the layers of "features" whose outputs are the levels.
  std::size_t shallow_layer() const { return plan_.last_layer_of(plan_.stages.size() - 1); }
  std::size_t middle_layer() const { return plan_.last_layer(); }
  std::size_t deep_layer() const { return middle_layer() + 1; }

 private:
  ResidualPlan plan_;
  LevelNames levels_;
  ResidualFeatures features_{nullptr};
  ConvNorm last_{nullptr};  ///< The layer of "features" behind the last block.
};
TORCH_MODULE(ResidualClassifier);

}  // namespace wsss
