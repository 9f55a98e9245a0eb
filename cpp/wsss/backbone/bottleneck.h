// ResNet's bottleneck block and stages of it, for the backbones ResNet101 and DRN-D-54.
#pragma once

#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "wsss/convolution/conv_norm.h"

namespace wsss {

/// Bottleneck of ResNet (He et al. 2016): 1x1, 3x3 (stride and dilation here), 1x1 to four times the planes.
class BottleneckImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t in, planes, out, stride, dilation;
  };
  /// @param projects_shortcut  whether the shortcut has a convolution, as in the first block of a stage.
  BottleneckImpl(const Shape& shape, bool projects_shortcut);
  /// x [N, in, h, w] -> [N, out, h / stride, w / stride].
  at::Tensor forward(const at::Tensor& x);
  /// Sets the scale of the last batch norm to 0, so that a fresh block passes its input on.
  void start_as_identity();

 private:
  Conv2d conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr};
  BatchNorm bn1_{nullptr}, bn2_{nullptr}, bn3_{nullptr};
  ConvNorm downsample_{nullptr};
};
TORCH_MODULE(Bottleneck);

/// Bottlenecks, one after the other. Registered names are "0", "1", ...
class BottleneckStageImpl : public torch::nn::Module {
 public:
  struct Shape {
    std::int64_t planes, stride;
    std::vector<std::int64_t> dilations;  ///< One per block.
  };
  /// @param in  channels of the input.
  BottleneckStageImpl(std::int64_t in, const Shape& shape, double width);
  at::Tensor forward(at::Tensor x);
  std::int64_t out_channels() const { return out_channels_; }
  void start_as_identity();

 private:
  std::vector<Bottleneck> blocks_;
  std::int64_t out_channels_;
};
TORCH_MODULE(BottleneckStage);

}  // namespace wsss
