#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace wsss {

/// What a background pixel costs.
enum class BackgroundRule {
  /// Nothing: background is left out of loss and mean.
  kIgnore,
  /// Published: class K with a logit that is not learned, 100 where masks[0] says background and 0 elsewhere. A
  /// background
  /// pixel costs about 0 yet counts in the mean, and the 0 competes with the K tissue logits at every other pixel.
  kFifthLogit,
};

enum class SegmentationLossKind {
  kCrossEntropy,
  /// Published focal loss: computed from the mean cross-entropy M, not per pixel: (1 - p)^2 * 0.5 * M with p = exp(-M).
  kFocal,
};

struct MultiLayerLossOptions {
  std::vector<double> weights{0.6, 0.2, 0.2};  ///< One factor per mask level, 0 or more.
  BackgroundRule background = BackgroundRule::kIgnore;
  SegmentationLossKind kind = SegmentationLossKind::kCrossEntropy;
  bool divide_by_batch = false;  ///< Published: the mean is divided by N once more.
};

/// Masks of this value are left out of the loss in any case.
inline constexpr std::int64_t kIgnoredIndex = 255;

/// Loss of one prediction against the pseudo masks drawn from several feature levels (paper, multi-layer
/// pseudo-supervision).
///
/// @param logits  [N, K, H, W], before softmax, on any device.
/// @param masks   one per level, in the order of the weights: [N, H, W] int64, 0..K, K = background; 255 is ignored.
/// @return        [] in nats, differentiable in `logits`. With kIgnore, 0 where no pixel counts; with kFifthLogit NaN
/// there, as published.
/// @throws Error  kShape if a mask is not [N, H, W]; kOption if weights and masks differ in number.
at::Tensor multi_layer_loss(const at::Tensor& logits, const std::vector<at::Tensor>& masks,
                            const MultiLayerLossOptions& options);

/// The criterion of one level, on log-probabilities [N, C, H, W]: mean over the pixels whose target is not 255.
at::Tensor segmentation_criterion(const at::Tensor& log_probabilities, const at::Tensor& target,
                                  SegmentationLossKind kind, bool divide_by_batch, bool zero_if_empty);

}  // namespace wsss
