#pragma once

#include <functional>
#include <optional>

#include "wsss/segmenter/multi_layer_loss.h"
#include "wsss/segmenter/segmenter_inference.h"

namespace wsss {

/// Options of stage 3 beside the shared ones.
struct SegmenterTrainingOptions : TrainingOptions {
  MultiLayerLossOptions loss;
};

/// One optimiser step. The gradients of the step are still in the network while the report is read.
struct SegmenterStep {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< 1-based over the whole run.
  std::int64_t steps = 0;
  double loss = 0.0;
  double learning_rate = 0.0;
  std::int64_t patches = 0;
  double elapsed_ms = 0.0;
  at::Tensor logits;                  ///< [n, K, H, W], before the update.
  std::vector<std::int64_t> indices;  ///< Patches of the batch, in the order of `logits`.
};

struct SegmenterEpoch {
  std::int64_t epoch = 0;
  double mean_loss = 0.0;
  double elapsed_ms = 0.0;
  bool best = false;
  std::optional<ConfusionMatrix> validation;
};

struct SegmenterObserver {
  std::function<void(const SegmenterStep&)> on_step;
  std::function<void(const SegmenterEpoch&)> on_epoch;
};

/// Ground truth to choose the best epoch by.
struct SegmenterValidation {
  const PatchStore& patches;
  const MaskStore& truth;
};

/// Trains DeepLab v3+ on pseudo masks of several feature levels, or on one level of true masks (stage 3 of the paper).
/// Best is the highest ungated mIoU on validation; an mIoU that is not a number never is.
///
/// @param masks   one level per options.loss.weights.
/// @throws Error  kShape, kCancelled, kDiverged, kIo as train_classifier().
TrainingSummary train_segmenter(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                                const MaskStore& masks, const std::optional<SegmenterValidation>& validation,
                                const SegmenterObserver& observer, const CancelToken& cancel);

}  // namespace wsss
