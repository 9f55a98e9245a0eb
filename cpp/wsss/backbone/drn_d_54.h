// The backbone DRN-D-54, a dilated residual network.
#pragma once

#include "wsss/backbone/backbone.h"
#include "wsss/backbone/bottleneck.h"
#include "wsss/convolution/conv_norm.h"

namespace wsss {

/// Dilated residual network D-54 (Yu, Koltun and Funkhouser 2017): no max pooling, and eight convolution stages, the
/// last two of which remove the gridding that dilation causes. Its output stride is 8 whatever is asked for, as
/// published.
class DrnD54Impl : public Backbone {
 public:
  /// @param width  channel multiplier above 0.
  explicit DrnD54Impl(double width = 1.0);

  BackboneFeatures forward(const at::Tensor& x) override;
  std::int64_t high_channels() const override { return high_channels_; }
  std::int64_t low_channels() const override { return layer3_->out_channels(); }
  std::int64_t output_stride() const override { return 8; }
  void start_as_identity() override;

 private:
  ConvNorm layer0_{nullptr}, layer1_{nullptr}, layer2_{nullptr};
  BottleneckStage layer3_{nullptr}, layer4_{nullptr}, layer5_{nullptr}, layer6_{nullptr};
  ConvNorm layer7_{nullptr}, layer8_{nullptr};
  std::int64_t high_channels_;
};
TORCH_MODULE(DrnD54);

}  // namespace wsss
