#pragma once

#include "wsss/backbone/mobilenet_v2.h"
#include "wsss/classifier/classifier.h"

namespace wsss {

/// MobileNetV2 (Sandler et al. 2018) at output stride 16 as a classifier of stage 1, for machines on which ResNet38 is
/// too slow: 2.2 million parameters instead of 105. Feature layers have the names of the ImageNet files ("features.*").
///
/// Levels, all at stride 16: "features18" (the last layer, 1280 channels), "features17" (320) and "features16" (160).
/// As in ResNet38 they are the last three stations of one resolution; masks of layers further down are worse on real
/// tissue (docs/notes). Stride 8 throughout, as ResNet38 has it, costs five times as much on a CPU, where dilated
/// depthwise convolutions are slow.
class MobileNetClassifierImpl : public ClassifierImpl {
 public:
  /// @param class_count  K, 1 or more.
  /// @param width        channel multiplier above 0.
  explicit MobileNetClassifierImpl(std::int64_t class_count, double width = 1.0);

  const LevelNames& level_names() const override;
  at::Tensor features_to_shallow(const at::Tensor& x) override;
  FeatureLevels features_from_shallow(const at::Tensor& shallow, Dropout& dropout) override;
  void initialize(std::uint64_t seed) override;
  /// The convolutions of layers 0 to 3, at strides 2 and 4.
  void set_stem_frozen(bool frozen) override;

 private:
  MobileNetV2Features features_{nullptr};
  ConvNorm last_{nullptr};  // "features.18"
};
TORCH_MODULE(MobileNetClassifier);

}  // namespace wsss
