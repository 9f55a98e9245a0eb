#include "wsss/segmenter/multi_layer_loss.h"

#include <torch/torch.h>

#include "wsss/core/error.h"

namespace wsss {

namespace {

constexpr double kBackgroundLogit = 100.0;
constexpr double kFocalAlpha = 0.5;

void check(const at::Tensor& logits, const std::vector<at::Tensor>& masks, const MultiLayerLossOptions& options) {
  if (masks.size() != options.weights.size()) {
    throw Error(ErrorCode::kOption,
                "levelWeights must have one factor per mask level: " + std::to_string(masks.size()) + " levels, " +
                    std::to_string(options.weights.size()) + " factors");
  }
  for (const auto& mask : masks) {
    if (mask.dim() != 3 || mask.size(0) != logits.size(0) || mask.size(1) != logits.size(2) ||
        mask.size(2) != logits.size(3)) {
      throw Error(ErrorCode::kShape, "masks must be [N, H, W] like the patches");
    }
  }
}

/// [N, K + 1, H, W]: the published constant channel beside the logits.
at::Tensor with_background_logit(const at::Tensor& logits, const at::Tensor& main_mask) {
  const at::Tensor background = (main_mask == logits.size(1)).to(logits.scalar_type()) * kBackgroundLogit;
  return torch::cat({logits, background.unsqueeze(1)}, 1);
}

}  // namespace

at::Tensor segmentation_criterion(const at::Tensor& log_probabilities, const at::Tensor& target,
                                  SegmentationLossKind kind, bool divide_by_batch, bool zero_if_empty) {
  const at::Tensor sum = at::nll_loss2d(log_probabilities, target, {}, at::Reduction::Sum, kIgnoredIndex);
  at::Tensor count = (target != kIgnoredIndex).sum().to(log_probabilities.scalar_type());
  if (zero_if_empty) count = count.clamp_min(1.0);
  at::Tensor loss = sum / count;
  if (kind == SegmentationLossKind::kFocal) loss = (1.0 - (-loss).exp()).square() * (kFocalAlpha * loss);
  return divide_by_batch ? loss / static_cast<double>(log_probabilities.size(0)) : loss;
}

at::Tensor multi_layer_loss(const at::Tensor& logits, const std::vector<at::Tensor>& masks,
                            const MultiLayerLossOptions& options) {
  check(logits, masks, options);
  const bool ignore = options.background == BackgroundRule::kIgnore;
  const std::int64_t background = logits.size(1);
  const at::Tensor log_probabilities =
      at::log_softmax(ignore ? logits : with_background_logit(logits, masks.front()), 1);
  at::Tensor total = at::zeros({}, logits.options());
  for (std::size_t level = 0; level < masks.size(); ++level) {
    const at::Tensor target =
        ignore ? masks[level].masked_fill(masks[level] == background, kIgnoredIndex) : masks[level];
    total = total + options.weights[level] * segmentation_criterion(log_probabilities, target, options.kind,
                                                                    options.divide_by_batch, ignore);
  }
  return total;
}

}  // namespace wsss
