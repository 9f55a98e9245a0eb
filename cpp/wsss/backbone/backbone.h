// The interface of DeepLab v3+'s encoders, and the function that builds one by its name.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace wsss {

/// What the decoder and ASPP read from a backbone.
struct BackboneFeatures {
  at::Tensor high;  ///< [N, high_channels, H / output stride, W / output stride]
  at::Tensor low;   ///< [N, low_channels, H / 4, W / 4]
};

/// An encoder of DeepLab v3+.
class Backbone : public torch::nn::Module {
 public:
  /// x [N, 3, H, W] -> features.
  virtual BackboneFeatures forward(const at::Tensor& x) = 0;
  virtual std::int64_t high_channels() const = 0;
  virtual std::int64_t low_channels() const = 0;
  /// Ratio of patch size to the size of the high-level features; DRN-D-54 always has 8.
  virtual std::int64_t output_stride() const = 0;
  /// Whether forward() takes the bytes of pictures as well, [N, 3, H, W] uint8 instead of values in [0, 1].
  virtual bool reads_bytes() const { return false; }
  /// Makes fresh residual branches start at zero, where the backbone has a batch norm to do it with.
  virtual void start_as_identity() {}
};

/// Builds a backbone.
///
/// @param name           "resnet101", "xception", "drn" (DRN-D-54), "mobilenet" (MobileNetV2) or "efficientnet-lite0"
///                       to "efficientnet-lite2".
/// @param output_stride  8 or 16.
/// @param width          channel multiplier above 0; 1 is the published network.
/// @throws Error         kOption for another name or stride.
std::shared_ptr<Backbone> make_backbone(const std::string& name, std::int64_t output_stride, double width);

}  // namespace wsss
