#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace wsss {

/// What the decoder and ASPP read from a backbone.
struct BackboneFeatures {
  at::Tensor high;  ///< [N, high_channels, H / output stride, W / output stride]
  at::Tensor low;   ///< [N, low_channels, H / 4, W / 4]
};

/// An encoder of DeepLab v3+.
class Backbone : public torch::nn::Module {
 public:
  virtual BackboneFeatures forward(const at::Tensor& x) = 0;
  virtual std::int64_t high_channels() const = 0;
  virtual std::int64_t low_channels() const = 0;
};

}  // namespace wsss
