// The segmenter's training loss over pseudo masks of several levels.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace wsss {

/// What a background pixel costs.
enum class BackgroundRule {
  /// Nothing: background is left out of loss and mean.
  kIgnore,
  /// Published: background is class K, with a logit that is not learned: 100 where masks[0] says background and 0
  /// elsewhere. A background pixel costs about 0 yet counts in the mean, and the 0 competes with the K tissue logits at
  /// every other pixel.
  kFifthLogit,
};

enum class SegmentationLossKind {
  kCrossEntropy,
  /// Published focal loss, from the mean cross-entropy M and not per pixel: (1 - p)^2 * 0.5 * M with p = exp(-M).
  kFocal,
};

struct MultiLayerLossOptions {
  std::vector<double> weights{0.6, 0.2, 0.2};  ///< One factor per mask level, 0 or more.
  BackgroundRule background = BackgroundRule::kIgnore;
  SegmentationLossKind kind = SegmentationLossKind::kCrossEntropy;
  bool divide_by_batch = false;  ///< Published: the mean is divided by N once more.
};

/// Loss of one prediction against the pseudo masks drawn from several feature levels (paper, multi-layer
/// pseudo-supervision).
///
/// @param logits  [N, K, h, w], before softmax, on any device. In the same pass as the loss they are enlarged to the
///                size of the masks, bilinearly with corners on corners, as in the last step of DeepLab v3+.
/// @param masks   [L, N, H, W] uint8, levels in the order of the weights: 0..K, K = background; what is above K is
///                ignored.
/// @return        [] in nats, differentiable in `logits`. Where no pixel counts, 0 with kIgnore, and NaN with
///                kFifthLogit, as published.
/// @throws Error  kShape if masks do not fit the logits; kOption if weights and masks differ in number.
at::Tensor multi_layer_loss(const at::Tensor& logits, const at::Tensor& masks, const MultiLayerLossOptions& options);

/// The criterion from its parts, level by level.
///
/// @param sums      [L] of the negative log-likelihoods.
/// @param counts    [L]: the pixels in each sum; 0 gives NaN.
/// @param batch     what the mean is divided by once more; 1 for nothing.
/// @return          [L]
at::Tensor segmentation_criterion(const at::Tensor& sums, const at::Tensor& counts, SegmentationLossKind kind,
                                  std::int64_t batch);

}  // namespace wsss
