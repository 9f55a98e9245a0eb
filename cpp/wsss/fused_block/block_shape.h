// What an inverted residual is, and the sizes of the maps that it reads and writes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wsss {

/// Where the convolutions with kernels larger than 1x1 pad with zeros.
enum class BlockPadding {
  /// In front of the whole block, as the published segmenter does: the ring of zeros goes through the expansion, so
  /// that it holds relu6(bn(0)) when the depthwise convolution sees it, and takes part in batch statistics.
  kBeforeExpansion,
  /// At the depthwise convolution, as the original MobileNetV2 and its ImageNet weights have it.
  kAtDepthwise,
  /// At the depthwise convolution, and with a stride as TensorFlow's "same" does: just enough for the output to have
  /// the input's size divided by the stride, rounded up, with an odd row and column at the end.
  kTensorFlow,
};

/// Zeros before and after a side of a map.
struct SidePadding {
  std::int64_t before, after;
};

/// How a side is padded for a kernel and a stride.
inline SidePadding side_padding(BlockPadding padding, std::int64_t side, std::int64_t kernel, std::int64_t stride,
                                std::int64_t dilation) {
  if (padding == BlockPadding::kTensorFlow && stride > 1) {
    const std::int64_t out = (side + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - side);
    return {total / 2, total - total / 2};
  }
  return {dilation * (kernel / 2), dilation * (kernel / 2)};
}

/// Positions of a side that a kernel gives, which spans `reach` of them.
inline std::int64_t out_side(std::int64_t side, const SidePadding& padding, std::int64_t reach, std::int64_t stride) {
  return (padding.before + side + padding.after - reach) / stride + 1;
}

/// What an inverted residual is.
struct BlockShape {
  std::int64_t in, out, kernel, stride, dilation;
  /// 1 = no expansion layer.
  std::int64_t expansion;
  /// Whether the block adds its input. Asked of the published shape, so that widths do not matter.
  bool has_shortcut;
  BlockPadding padding;

  std::int64_t hidden() const { return in * expansion; }
  /// Rows or columns that an output of the depthwise convolution spans.
  std::int64_t reach() const { return dilation * (kernel - 1) + 1; }
};

}  // namespace wsss
