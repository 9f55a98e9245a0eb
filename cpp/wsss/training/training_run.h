// The loop of both trainings.
#pragma once

#include "wsss/core/cancel.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// Trains the network of a stage: epochs of shuffled batches, one update each, validation, the best weights kept,
/// checkpoints.
///
/// With a checkpoint folder a cancelled run ends its step and saves before it stops, and a run that resumes does
/// exactly what the undisturbed one would have done: on the CPU to the last bit. It first reports again what was
/// reported before the checkpoint.
///
/// @param count   patches of the training set.
/// @throws Error  kCancelled when the token is raised; kDiverged at the first loss that is not finite; kIo when a
///                checkpoint cannot be written.
TrainingSummary run_training(TrainingStage& stage, const TrainingOptions& options, std::int64_t count,
                             const CancelToken& cancel);

}  // namespace wsss
