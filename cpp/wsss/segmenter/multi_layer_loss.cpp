#include "wsss/segmenter/multi_layer_loss.h"

#include <ATen/ATen.h>

#include <string>

#include "wsss/core/error.h"
#include "wsss/core/shared_step.h"
#include "wsss/segmenter/pixel_loss_sums.h"

namespace wsss {

namespace {

constexpr double kFocalAlpha = 0.5;

void check(const at::Tensor& logits, const at::Tensor& masks, const MultiLayerLossOptions& options) {
  if (masks.dim() != 4 || masks.size(1) != logits.size(0) || masks.device() != logits.device()) {
    throw Error(ErrorCode::kShape, "masks must be [levels, N, H, W], one for each patch, on the device of the logits");
  }
  if (masks.size(0) != static_cast<std::int64_t>(options.weights.size())) {
    throw Error(ErrorCode::kOption,
                "levelWeights must have one factor per mask level: " + std::to_string(masks.size(0)) + " levels, " +
                    std::to_string(options.weights.size()) + " factors");
  }
}

}  // namespace

at::Tensor segmentation_criterion(const at::Tensor& sums, const at::Tensor& counts, SegmentationLossKind kind,
                                  std::int64_t batch) {
  at::Tensor losses = sums / counts;
  if (kind == SegmentationLossKind::kFocal) {
    losses = (1.0 - (-losses).exp()).square() * (kFocalAlpha * losses);
  }
  return batch == 1 ? losses : losses / static_cast<double>(batch);
}

at::Tensor multi_layer_loss(const at::Tensor& logits, const at::Tensor& masks, const MultiLayerLossOptions& options) {
  check(logits, masks, options);
  const bool ignores = options.background == BackgroundRule::kIgnore;
  const at::Tensor sums = summed_over_processes(pixel_loss_sums(logits, masks, !ignores));
  at::Tensor counts =
      summed_over_processes((ignores ? masks < logits.size(1) : masks <= logits.size(1)).sum({1, 2, 3}));
  if (ignores) counts = counts.clamp_min(1);
  const at::Tensor losses = segmentation_criterion(sums, counts.to(logits.scalar_type()), options.kind,
                                                   options.divide_by_batch ? patches_of_step(logits.size(0)) : 1);
  // Weights as numbers, not as a tensor, whose way to a device the host would wait for.
  at::Tensor total = losses[0] * options.weights[0];
  for (std::size_t level = 1; level < options.weights.size(); ++level) {
    total = total + losses[static_cast<std::int64_t>(level)] * options.weights[level];
  }
  return total;
}

}  // namespace wsss
