#pragma once

#include <functional>

#include "wsss/classifier/classifier_trainer.h"

namespace wsss {

/// Called with (patches done, patches in all).
using ProgressObserver = std::function<void(std::int64_t, std::int64_t)>;

/// Probabilities (sigmoid of the logits) of every patch: [N, K] float32 on the CPU.
at::Tensor classify_patches(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel);

/// Label scores of a labelled set.
LabelScores evaluate_labels(Classifier& network, const PatchStore& patches, std::int64_t batch_size,
                            const ProgressObserver& progress, const CancelToken& cancel);

}  // namespace wsss
