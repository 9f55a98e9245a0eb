// Stage 3 of the paper: training the segmenter on pseudo masks.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "wsss/segmenter/multi_layer_loss.h"
#include "wsss/segmenter/segmenter_inference.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Options of stage 3 beside the shared ones.
struct SegmenterTrainingOptions : TrainingOptions {
  MultiLayerLossOptions loss;
  bool freeze_batch_norm = false;      ///< Of the backbone; right for weights from elsewhere.
  double mosaic = 0.0;                 ///< Share of the patches of a step that are mosaics: see Mosaics.
  std::vector<std::int64_t> patients;  ///< Of the training patches, as Mosaics takes them.
  std::int64_t previews = 0;           ///< So many class maps of validation patches are in the report of each epoch.
};

/// What the network makes of a validation patch.
struct ClassMapPreview {
  std::int64_t part = 0;   ///< Which of the validation's parts the patch is of.
  std::int64_t patch = 0;  ///< Its index in there.
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> classes;  ///< Row by row.
};

struct SegmenterEpoch : EpochReport {
  /// Pixels of the epoch's masks, on all levels together, that counted in the loss; 0 means that nothing was learned.
  std::int64_t scored_pixels = 0;
  std::optional<ConfusionMatrix> validation;
  /// Of patches at even distances over the validation; in a group over this process's share. None when told again.
  std::vector<ClassMapPreview> previews;
};

struct SegmenterObserver {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const SegmenterEpoch&)> on_epoch;
};

/// Ground truth of one size to choose the best epoch by.
struct SegmenterValidation {
  const PatchStore& patches;
  const MaskStore& truth;
};

/// Trains DeepLab v3+ on pseudo masks of several feature levels, or on one level of true masks (stage 3 of the paper).
/// Best is the highest ungated mIoU on validation; an mIoU that is not a number never is.
///
/// @param masks       one level per options.loss.weights.
/// @param validation  one entry per size of the validation patches, scored together; empty: no best weights then.
/// @throws Error      kDataset if no mask has a pixel to learn from, or as Mosaics; kShape; kCancelled, kDiverged, kIo
/// as
///                    train_classifier().
TrainingSummary train_segmenter(DeepLab& network, const SegmenterTrainingOptions& options, const PatchStore& train,
                                const MaskStore& masks, const std::vector<SegmenterValidation>& validation,
                                const SegmenterObserver& observer, const CancelToken& cancel);

}  // namespace wsss
