// What the network is when a training begins.
#pragma once

#include <cstdint>

#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Gives folded batch norms that will be trained their statistics back, from the first patches of the training set, and
/// every process of a group the network of process 0. A run that resumes has both behind it.
///
/// @param count  patches of the training set.
void make_first_state(TrainingStage& stage, const TrainingOptions& options, std::int64_t count);

/// After a step without synchronised batch norms: every process gets the statistics of process 0's, as in PyTorch's
/// DistributedDataParallel.
void keep_statistics_alike(TrainingStage& stage, const TrainingOptions& options);

}  // namespace wsss
