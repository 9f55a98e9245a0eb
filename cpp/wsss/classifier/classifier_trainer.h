// Stage 1 of the paper: training the classifier on patch-level labels.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "wsss/classifier/classifier.h"
#include "wsss/classifier/label_scores.h"
#include "wsss/classifier/pda.h"
#include "wsss/core/cancel.h"
#include "wsss/dataset/patch_store.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Options of stage 1 beside the shared ones.
struct ClassifierTrainingOptions : TrainingOptions {
  GammaSchedule gamma;
  double pda_divisor = 0.0;        ///< 0 = the number of classes.
  double dense_loss_weight = 0.0;  ///< Factor on single_class_cell_loss(); 0 = without it.
  bool freeze_stem = true;
  bool freeze_batch_norm = true;
};

/// Scores of a whole labelled set.
struct LabelScores {
  double exact_match = 0.0;
  double jaccard = 0.0;
  std::vector<double> class_accuracy;
};

struct ClassifierStep : StepReport {
  double exact_match = 0.0;  ///< Running mean of the epoch.
  double jaccard = 0.0;
};

struct ClassifierEpoch : EpochReport {
  bool pda_enabled = false;
  double gamma = 1.0;
  double exact_match = 0.0;
  double jaccard = 0.0;
  std::optional<LabelScores> validation;
};

struct ClassifierObserver {
  std::function<void(const ClassifierStep&)> on_step;
  std::function<void(const ClassifierEpoch&)> on_epoch;
};

/// Multi-label soft-margin loss: the mean over patches and classes of -[y log s(x) + (1 - y) log s(-x)], in the form
/// that does not overflow. logits and labels [N, K], same dtype.
at::Tensor multilabel_soft_margin(const at::Tensor& logits, const at::Tensor& labels);

/// What patches of one class say of each of their cells: the mean, over such patches and the cells of their maps, of
/// the cross-entropy of the class under the softmax of the maps (as PistoSeg and others use it). 0 where no patch has
/// exactly one class.
///
/// @param maps    [N, K, h, w]: class activation maps, not rectified.
/// @param labels  [N, K] of 0 and 1, same dtype.
at::Tensor single_class_cell_loss(const at::Tensor& maps, const at::Tensor& labels);

/// Trains a classifier on patch-level labels (stage 1 of the paper).
///
/// The network may be float32 or float64, on any device. Best is the highest Jaccard on validation.
///
/// @param validation  one store per size of the validation patches, scored together; empty: no best weights then.
/// @throws Error      kCancelled when the token is raised; kDiverged at the first loss that is not finite; kIo when a
///                    checkpoint cannot be written.
TrainingSummary train_classifier(Classifier& network, const ClassifierTrainingOptions& options, const PatchStore& train,
                                 const std::vector<const PatchStore*>& validation, const ClassifierObserver& observer,
                                 const CancelToken& cancel);

}  // namespace wsss
