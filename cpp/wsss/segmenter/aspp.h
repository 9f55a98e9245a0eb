// Atrous spatial pyramid pooling, the part of DeepLab v3+ between backbone and decoder.
#pragma once

#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "wsss/convolution/conv2d.h"
#include "wsss/core/batch_norm.h"
#include "wsss/core/dropout.h"

namespace wsss {

/// One branch of ASPP: convolution (1x1, or 3x3 with an atrous rate), batch norm, ReLU.
class AsppBranchImpl : public torch::nn::Module {
 public:
  /// @param rate  0 for the 1x1 branch, else the atrous rate of the 3x3.
  AsppBranchImpl(std::int64_t in, std::int64_t out, std::int64_t rate);
  at::Tensor forward(const at::Tensor& x);

 private:
  Conv2d conv_{nullptr};
  BatchNorm bn_{nullptr};
};
TORCH_MODULE(AsppBranch);

/// The image-level branch of ASPP: global mean, 1x1 convolution, batch norm, ReLU, spread over the map again.
class ImagePoolingImpl : public torch::nn::Module {
 public:
  ImagePoolingImpl(std::int64_t in, std::int64_t out);
  at::Tensor forward(const at::Tensor& x);

 private:
  Conv2d conv_{nullptr};
  BatchNorm bn_{nullptr};
};
TORCH_MODULE(ImagePooling);

/// Atrous spatial pyramid pooling (Chen et al. 2018): five branches, concatenated and projected.
class AsppImpl : public torch::nn::Module {
 public:
  AsppImpl(std::int64_t in, std::int64_t output_stride, double width);
  /// x [N, in, h, w] -> [N, out_channels, h, w]; element dropout 0.5 at the end.
  at::Tensor forward(const at::Tensor& x, Dropout& dropout);
  std::int64_t out_channels() const { return out_channels_; }

 private:
  std::int64_t out_channels_;
  std::vector<AsppBranch> branches_;
  ImagePooling pooling_{nullptr};
  Conv2d conv1_{nullptr};
  BatchNorm bn1_{nullptr};
};
TORCH_MODULE(Aspp);

}  // namespace wsss
