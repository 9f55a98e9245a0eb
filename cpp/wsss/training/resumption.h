// Whether a training can go on from a checkpoint, and the optimizer that it goes on with.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>

#include "wsss/optim/optimizer.h"
#include "wsss/training/checkpoint.h"
#include "wsss/training/stage.h"
#include "wsss/training/training_options.h"

namespace wsss {

/// @throws Error  kWeights if the checkpoint is of the other stage, or of other options or data.
void require_same_run(const Checkpoint& checkpoint, const TrainingStage& stage, const TrainingOptions& options);
/// @throws Error  kWeights if the checkpoint counts steps or epochs that the run does not have.
void require_same_length(const Checkpoint& checkpoint, const TrainingOptions& options);

/// What an optimizer keeps of each parameter, by the names of states and parameters.
std::map<std::string, StateDict> optimizer_states(const Optimizer& optimizer, const torch::nn::Module& network);
/// Continues with the states of a checkpoint, after its number of steps.
///
/// @param path    of the checkpoint, for the error.
/// @throws Error  kWeights if the network lacks one of its parameters.
void restore_optimizer(Optimizer& optimizer, torch::nn::Module& network, const Checkpoint& checkpoint,
                       const std::string& path);

}  // namespace wsss
