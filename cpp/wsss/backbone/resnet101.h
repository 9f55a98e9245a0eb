// The backbone ResNet101, with dilated convolutions.
#pragma once

#include "wsss/backbone/backbone.h"
#include "wsss/backbone/bottleneck.h"
#include "wsss/core/batch_norm.h"

namespace wsss {

/// ResNet101 with dilation instead of stride in its last stages and the multi-grid (1, 2, 4) in layer4. Registered
/// names are torchvision's.
class ResNet101Impl : public Backbone {
 public:
  /// @param output_stride  8 or 16.
  /// @param width          channel multiplier above 0.
  explicit ResNet101Impl(std::int64_t output_stride, double width = 1.0);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return layer4_->out_channels(); }
  std::int64_t low_channels() const override { return layer1_->out_channels(); }
  std::int64_t output_stride() const override { return output_stride_; }
  void start_as_identity() override;

 private:
  std::int64_t output_stride_;
  Conv2d conv1_{nullptr};
  BatchNorm bn1_{nullptr};
  BottleneckStage layer1_{nullptr}, layer2_{nullptr}, layer3_{nullptr}, layer4_{nullptr};
};
TORCH_MODULE(ResNet101);

}  // namespace wsss
