// The convolution layer of all our networks, which picks the fastest algorithm for its shape and device.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "wsss/convolution/epilogue.h"
#include "wsss/convolution/pointwise_fused.h"
#include "wsss/convolution/ready_weight.h"

namespace wsss {

/// A two-dimensional convolution of [N, C, H, W] that takes the fastest way that its shape, type and device allow; all
/// our networks use it. Names and weights are those of torch::nn::Conv2d, and up to rounding so are the results.
///
/// On a CPU a dense 3x3 convolution of stride 1 that keeps its map's size goes by Winograd's minimal filtering where
/// that saves work; elsewhere the weight gradients of such convolutions are sums over taps. Trainings convolve channels
/// by themselves by loops of our own. Everything else is LibTorch's.
///
/// In a PrecisionScope of bfloat16 it multiplies in bfloat16 and stores its output in it; weights and their gradients
/// stay float32. On a CPU it still multiplies in float32 where the processor has no AVX512, where a channel count is no
/// multiple of 16 (LibTorch 2.13's bfloat16 weight gradient of a convolution with 8 input channels writes past its
/// memory), and where it is not dense: there the maps are bfloat16, and products float32.
class Conv2dImpl : public torch::nn::Conv2dImpl {
 public:
  using torch::nn::Conv2dImpl::Conv2dImpl;
  at::Tensor forward(const at::Tensor& x);
  /// activation(conv(x) * scale + shift + shortcut) without gradients, on the CPU; without bias. Weights are prepared
  /// once and kept for as long as they, the scale and the size of the input stay the same; forward() with gradients
  /// discards them.
  ///
  /// @param scale, shift  [K], or both undefined.
  /// @param shortcut      of the output's shape, or undefined for none.
  at::Tensor forward_with(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                          const at::Tensor& shortcut, Activation activation);

 private:
  /// The types that this convolution multiplies in and stores, for a map.
  struct Types {
    c10::ScalarType products, output;
  };
  Types types_for(const at::Tensor& x) const;
  ConvolutionShape shape() const;
  /// weight * scale as oneDNN wants it for these maps.
  const at::Tensor& packed(const at::Tensor& maps, const at::Tensor& scale);
  /// The weight as Winograd's filtering wants it for these maps.
  at::Tensor transformed(const at::Tensor& maps);

  ReadyWeight ready_;
};
TORCH_MODULE(Conv2d);

/// A convolution without bias whose zero padding keeps the size of the map, but for the stride. Odd kernels.
inline Conv2d same_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                        std::int64_t dilation = 1) {
  const std::int64_t padding = dilation * (kernel / 2);
  return Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).dilation(dilation).bias(false));
}

/// A convolution of each channel by itself, without bias.
inline Conv2d depthwise_conv(std::int64_t channels, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                             std::int64_t padding) {
  return Conv2d(torch::nn::Conv2dOptions(channels, channels, kernel)
                    .stride(stride)
                    .padding(padding)
                    .dilation(dilation)
                    .groups(channels)
                    .bias(false));
}

}  // namespace wsss
