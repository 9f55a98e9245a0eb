// A trained classifier at work: class probabilities of patches, and scores of a labelled set.
#pragma once

#include <functional>
#include <vector>

#include "wsss/classifier/classifier_trainer.h"

namespace wsss {

/// Called with (patches done, patches in all).
using ProgressObserver = std::function<void(std::int64_t, std::int64_t)>;

/// Probabilities (sigmoid of the logits) of every patch: [N, K] float32 on the CPU.
///
/// @throws Error kOutOfMemory, with what would fit; kCancelled.
at::Tensor classify_patches(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel);

/// classify_patches() by the processes of a group, each for its part of the patches: all have all probabilities then.
///
/// @throws Error also kProcessGroup.
at::Tensor classify_patches_together(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                                     ProcessGroup& group, const ProgressObserver& progress, const CancelToken& cancel);

/// How the labels of a set agree with what is predicted.
///
/// @param parts  the set, one store per size of its patches; at least one, all with the same number of classes.
/// @param group  may be null; its processes predict a part of each.
LabelMeter count_labels(Classifier& network, const std::vector<const PatchStore*>& parts, std::int64_t batch_size,
                        const ProcessGroup* group, const CancelToken& cancel);

LabelScores scores_of(const LabelMeter& meter);

/// Label scores of a labelled set.
///
/// @param group  may be null; its processes predict a part each, and all have the scores of the whole.
LabelScores evaluate_labels(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            ProcessGroup* group, const ProgressObserver& progress, const CancelToken& cancel);

}  // namespace wsss
