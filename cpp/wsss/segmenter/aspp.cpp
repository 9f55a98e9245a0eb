#include "wsss/segmenter/aspp.h"

#include <array>
#include <string>

#include "wsss/convolution/fused.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/precision.h"
#include "wsss/core/width.h"

namespace wsss {

namespace {

constexpr std::int64_t kChannels = 256;
constexpr std::array<std::int64_t, 4> kRatesAtStride16{0, 6, 12, 18};
constexpr double kDropout = 0.5;

}  // namespace

AsppBranchImpl::AsppBranchImpl(std::int64_t in, std::int64_t out, std::int64_t rate) {
  conv_ = register_module("atrous_conv", same_conv(in, out, rate == 0 ? 1 : 3, 1, std::max<std::int64_t>(rate, 1)));
  bn_ = register_module("bn", BatchNorm(out));
}

at::Tensor AsppBranchImpl::forward(const at::Tensor& x) { return conv_norm(conv_, bn_, x, Activation::kRelu); }

ImagePoolingImpl::ImagePoolingImpl(std::int64_t in, std::int64_t out) {
  conv_ = register_module("1", same_conv(in, out, 1));
  bn_ = register_module("2", BatchNorm(out));
}

at::Tensor ImagePoolingImpl::forward(const at::Tensor& x) {
  // Statistics of as few values as there are patches: too few to round them.
  const PrecisionScope exact(Precision::kFloat32);
  const at::Tensor mean = unrounded(x).mean({2, 3}, /*keepdim=*/true);
  const at::Tensor pooled = conv_norm(conv_, bn_, mean, Activation::kRelu);  // [N, out, 1, 1]
  return pooled.to(x.scalar_type()).expand({-1, -1, x.size(2), x.size(3)});
}

AsppImpl::AsppImpl(std::int64_t in, std::int64_t output_stride, double width)
    : out_channels_(scaled_channels(kChannels, width)) {
  for (std::size_t i = 0; i < kRatesAtStride16.size(); ++i) {
    const std::int64_t rate = kRatesAtStride16[i] * 16 / output_stride;
    branches_.push_back(register_module("aspp" + std::to_string(i + 1), AsppBranch(in, out_channels_, rate)));
  }
  pooling_ = register_module("global_avg_pool", ImagePooling(in, out_channels_));
  const auto branch_count = static_cast<std::int64_t>(branches_.size() + 1);
  conv1_ = register_module("conv1", same_conv(branch_count * out_channels_, out_channels_, 1));
  bn1_ = register_module("bn1", BatchNorm(out_channels_));
}

at::Tensor AsppImpl::forward(const at::Tensor& x, Dropout& dropout) {
  std::vector<at::Tensor> parts;
  for (auto& branch : branches_) parts.push_back(branch(x));
  parts.push_back(pooling_(x));
  return dropout.elements(conv_norm(conv1_, bn1_, torch::cat(parts, 1), Activation::kRelu), kDropout);
}

}  // namespace wsss
